-- Merged orders on which something still counts, is judged, or is open: all of it belongs to the
-- order that they became.
--
-- gives:  subject; one row an order
SELECT merged.canonical_id AS subject
FROM reconciliation_order AS merged
WHERE
    merged.merged_into_id IS NOT NULL
    AND (
        EXISTS (
            SELECT
            FROM reconciliation_entry AS entries
            LEFT JOIN reconciliation_entry AS reversals ON reversals.reverses_id = entries.id
            WHERE
                entries.order_id = merged.id
                AND entries.reverses_id IS NULL
                AND reversals.id IS NULL
        )
        OR EXISTS (
            SELECT
            FROM reconciliation_event AS events
            WHERE events.order_id = merged.id
        )
        OR EXISTS (
            SELECT
            FROM reconciliation_discrepancy AS broken
            WHERE broken.order_id = merged.id AND broken.cleared_at IS NULL
        )
    )

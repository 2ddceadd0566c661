-- The entries that count: neither reversed nor a reversal. Reads the CTE `scope` (order_id).
SELECT
    entries.order_id, entries.event_id, entries.kind, entries.line, entries.amount_minor,
    entries.currency, entries.quantity, entries.reference, entries.occurred_at
FROM reconciliation_entry AS entries
JOIN scope ON scope.order_id = entries.order_id
WHERE
    entries.reverses_id IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM reconciliation_entry AS reversals
        WHERE reversals.reverses_id = entries.id
    )

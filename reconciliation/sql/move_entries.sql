-- Moves what counts on one order to another: an entry that reverses each, under the correction
-- that moves them, and a copy under the event that made it.
--
-- params: correction_id, from_id, to_id bigint
--         event_ids bigint[]  whose entries; null for all that count
WITH moving AS MATERIALIZED (
    SELECT
        entries.*,
        row_number() OVER (ORDER BY entries.id) AS place,
        row_number() OVER (PARTITION BY entries.event_id ORDER BY entries.number) AS place_of_event
    FROM reconciliation_entry AS entries
    WHERE
        entries.order_id = %(from_id)s
        AND (%(event_ids)s::bigint[] IS NULL OR entries.event_id = ANY(%(event_ids)s))
        AND entries.reverses_id IS NULL
        AND NOT EXISTS (
            SELECT 1
            FROM reconciliation_entry AS known
            WHERE known.reverses_id = entries.id
        )
),
newest AS MATERIALIZED (
    SELECT
        entries.event_id, max(entries.number) AS number
    FROM reconciliation_entry AS entries
    WHERE
        entries.event_id IN (SELECT moving.event_id FROM moving)
        OR entries.event_id = %(correction_id)s
    GROUP BY entries.event_id
)
INSERT INTO reconciliation_entry (
    order_id, event_id, number, kind, line, amount_minor, currency, quantity, reference,
    occurred_at, reverses_id
)
SELECT
    moving.order_id,
    %(correction_id)s,
    COALESCE(newest.number, 999) + moving.place,
    moving.kind,
    moving.line,
    -moving.amount_minor,
    moving.currency,
    -moving.quantity,
    moving.reference,
    corrections.occurred_at,
    moving.id
FROM moving
JOIN reconciliation_event AS corrections ON corrections.id = %(correction_id)s
LEFT JOIN newest ON newest.event_id = %(correction_id)s
UNION ALL
SELECT
    %(to_id)s,
    moving.event_id,
    newest.number + moving.place_of_event,
    moving.kind,
    moving.line,
    moving.amount_minor,
    moving.currency,
    moving.quantity,
    moving.reference,
    moving.occurred_at,
    NULL
FROM moving
JOIN newest ON newest.event_id = moving.event_id

-- Takes back what some events put on one order, because they belong elsewhere.
--
-- params: correction_id, order_id bigint; event_ids bigint[]
INSERT INTO reconciliation_entry (
    order_id, event_id, number, kind, line, amount_minor, currency, quantity, reference,
    occurred_at, reverses_id
)
SELECT
    entries.order_id,
    corrections.id,
    1000 + row_number() OVER (ORDER BY entries.id),
    entries.kind,
    entries.line,
    -entries.amount_minor,
    entries.currency,
    -entries.quantity,
    entries.reference,
    corrections.occurred_at,
    entries.id
FROM reconciliation_entry AS entries
JOIN reconciliation_event AS corrections ON corrections.id = %(correction_id)s
WHERE
    entries.order_id = %(order_id)s
    AND entries.event_id = ANY(%(event_ids)s)
    AND entries.reverses_id IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM reconciliation_entry AS known
        WHERE known.reverses_id = entries.id
    )

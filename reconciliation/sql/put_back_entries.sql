-- Adds entries that an event should have made, numbered on from those it has.
--
-- params: one array a column, all of one length
INSERT INTO reconciliation_entry (
    order_id, event_id, number, kind, line, amount_minor, currency, quantity, reference,
    occurred_at
)
SELECT
    drafts.order_id,
    drafts.event_id,
    COALESCE((
        SELECT max(known.number)
        FROM reconciliation_entry AS known
        WHERE known.event_id = drafts.event_id
    ), -1) + row_number() OVER (PARTITION BY drafts.event_id ORDER BY drafts.place),
    drafts.kind,
    drafts.line,
    drafts.amount_minor,
    drafts.currency,
    drafts.quantity,
    drafts.reference,
    drafts.occurred_at
FROM unnest(
    %(order_id)s::bigint[], %(event_id)s::bigint[], %(kind)s::text[], %(line)s::text[],
    %(amount_minor)s::bigint[], %(currency)s::text[], %(quantity)s::integer[],
    %(reference)s::text[], %(occurred_at)s::timestamptz[]
) WITH ORDINALITY AS drafts (
    order_id, event_id, kind, line, amount_minor, currency, quantity, reference, occurred_at, place
)

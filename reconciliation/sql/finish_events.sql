-- Writes down what came of events.
--
-- params: ids, order_ids, duplicates bigint[]; statuses text[]; customers jsonb[] (what stays of
--         the customer in the event, or null to leave it) – one event a place; at timestamptz
UPDATE reconciliation_event AS events
SET
    status = results.status,
    order_id = results.order_id,
    duplicate_of_id = results.duplicate_of_id,
    reasons = '[]'::jsonb,
    applied_at = CASE WHEN results.status = 'APPLIED' THEN %(at)s::timestamptz END,
    park_until = CASE
        WHEN results.status = 'PARKED' THEN COALESCE(
            events.park_until,
            events.received_at + make_interval(secs => sources.parks_for_seconds)
        )
    END,
    data = CASE
        WHEN results.customer IS NULL THEN events.data
        ELSE jsonb_set(events.data, '{customer}', results.customer)
    END
FROM unnest(
    %(ids)s::bigint[], %(statuses)s::text[], %(order_ids)s::bigint[], %(duplicates)s::bigint[],
    %(customers)s::jsonb[]
) AS results (id, status, order_id, duplicate_of_id, customer)
CROSS JOIN reconciliation_source AS sources
WHERE events.id = results.id AND sources.id = events.source_id

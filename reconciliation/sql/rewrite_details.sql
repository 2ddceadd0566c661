-- Writes what is shown of each order anew, from the first statement of it that is believed.
--
-- params: order_ids bigint[]; counted, ordered are files beside this
WITH scope AS MATERIALIZED (
    SELECT asked.order_id FROM unnest(%(order_ids)s::bigint[]) AS asked (order_id)
),
told AS MATERIALIZED (
    {counted}
),
counted AS MATERIALIZED (
    SELECT
        told.*
    FROM told
    JOIN reconciliation_event AS events ON events.id = told.event_id
    WHERE events.type = 'order.created'
),
ordered AS MATERIALIZED (
    {ordered}
)
UPDATE reconciliation_orderdetail AS details
SET
    customer_key = COALESCE(events.data #>> '{{customer,key}}', ''),
    customer_name = left(COALESCE(events.data #>> '{{customer,company}}', ''), 255),
    channel = left(COALESCE(events.data ->> 'channel', ''), 32),
    seller = left(COALESCE(events.data ->> 'seller', ''), 64)
FROM ordered
JOIN reconciliation_event AS events ON events.id = ordered.event_id
WHERE details.order_id = ordered.order_id

-- Writes what is shown of each order anew, from the first statement of it that is believed.
--
-- params: order_ids bigint[]; scope, counted, ordered are files beside this
WITH scope AS MATERIALIZED (
    {scope}
),
told AS MATERIALIZED (
    {counted}
),
counted AS (
    SELECT
        told.*
    FROM told
    CROSS JOIN LATERAL (
        SELECT
            1
        FROM reconciliation_event AS events
        WHERE events.id = told.event_id AND told.kind = 'ORDERED' AND events.type = 'order.created'
        OFFSET 0
    ) AS first_statements
),
stated AS (
    {ordered}
)
UPDATE reconciliation_orderdetail AS details
SET
    customer_key = COALESCE(events.data #>> '{{customer,key}}', ''),
    customer_name = left(COALESCE(events.data #>> '{{customer,company}}', ''), 255),
    channel = left(COALESCE(events.data ->> 'channel', ''), 32),
    seller = left(COALESCE(events.data ->> 'seller', ''), 64)
FROM stated
CROSS JOIN LATERAL (
    SELECT each.data FROM reconciliation_event AS each WHERE each.id = stated.event_id
    OFFSET 0
) AS events
WHERE
    details.order_id = stated.order_id
    AND details.order_id = ANY(%(order_ids)s::bigint[])
    AND stated.is_believed

-- Every order of the families that these belong to: the whole, and its sub-orders. What was merged
-- into another counts there, and belongs to none.
--
-- params: order_ids bigint[]
-- gives:  order_id, whole_id, currency; nothing of an order that is neither a part nor has any
WITH wholes AS MATERIALIZED (
    SELECT orders.parent_id AS order_id
    FROM unnest(%(order_ids)s::bigint[]) AS asked (order_id)
    JOIN reconciliation_order AS orders ON orders.id = asked.order_id
    WHERE orders.parent_id IS NOT NULL
    UNION
    SELECT parts.parent_id
    FROM unnest(%(order_ids)s::bigint[]) AS asked (order_id)
    JOIN reconciliation_order AS parts ON parts.parent_id = asked.order_id
)
SELECT
    orders.id AS order_id,
    orders.id AS whole_id,
    orders.currency
FROM wholes
JOIN reconciliation_order AS orders ON orders.id = wholes.order_id
UNION ALL
SELECT
    parts.id AS order_id,
    parts.parent_id AS whole_id,
    parts.currency
FROM wholes
JOIN reconciliation_order AS parts ON parts.parent_id = wholes.order_id
WHERE parts.merged_into_id IS NULL

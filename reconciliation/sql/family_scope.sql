-- The members of the families that the CTE `related` (order_id, whole_id) names.
--
-- gives: order_id, whole_id, currency
SELECT
    orders.id AS order_id,
    orders.id AS whole_id,
    orders.currency
FROM related
JOIN reconciliation_order AS orders ON orders.id = related.whole_id
UNION
SELECT
    parts.id AS order_id,
    parts.parent_id AS whole_id,
    parts.currency
FROM related
JOIN reconciliation_order AS parts ON parts.parent_id = related.whole_id
WHERE parts.merged_into_id IS NULL

-- The members of the families that the CTE `related` (order_id, whole_id) names.
--
-- gives: order_id, whole_id
SELECT
    related.whole_id AS order_id,
    related.whole_id
FROM related
UNION
SELECT
    parts.id AS order_id,
    parts.parent_id AS whole_id
FROM related
JOIN reconciliation_order AS parts ON parts.parent_id = related.whole_id
WHERE parts.merged_into_id IS NULL

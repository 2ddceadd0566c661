-- Positions of any orders: those of families by their families, the others one by one. For asking
-- whether what is kept is what facts come to; writing takes the two apart.
--
-- scope is SQL that gives order_id; alone and families are position.sql and family_position.sql
-- gives:  order_id and the columns asked for
WITH asked AS MATERIALIZED (
    {scope}
),
related AS MATERIALIZED (  -- those asked for that are in a family, with their whole
    SELECT asked.order_id, orders.parent_id AS whole_id
    FROM asked
    JOIN reconciliation_order AS orders ON orders.id = asked.order_id
    WHERE orders.parent_id IS NOT NULL AND orders.merged_into_id IS NULL
    UNION
    SELECT asked.order_id, asked.order_id AS whole_id
    FROM asked
    JOIN reconciliation_order AS parts ON parts.parent_id = asked.order_id
),
alone AS MATERIALIZED (
    SELECT orders.id AS order_id, orders.currency
    FROM asked
    JOIN reconciliation_order AS orders ON orders.id = asked.order_id
    WHERE NOT EXISTS (SELECT 1 FROM related WHERE related.order_id = orders.id)
)
SELECT
    lone.order_id, {columns}
FROM (
    {alone}
) AS lone
UNION ALL
SELECT
    bound.order_id, {columns}
FROM (
    {families}
) AS bound
JOIN related ON related.order_id = bound.order_id

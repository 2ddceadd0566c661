-- What sellers are due of a few sub-orders, and what they got.
--
-- query is split.sql over the table `asked`
-- params: order_ids bigint[], and those of query
-- gives:  order_id, expected_minor, actual_minor, details – one row a sub-order that a rule fits
WITH asked AS (
    SELECT orders.*
    FROM reconciliation_order AS orders
    WHERE orders.id = ANY(%(order_ids)s::bigint[])
)
SELECT
    judged.order_id,
    judged.expected_minor,
    judged.actual_minor,
    judged.details
FROM (
{query}
) AS judged

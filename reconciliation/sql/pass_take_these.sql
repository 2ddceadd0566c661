-- Takes these orders into the batch, due or not, and waits for those that somebody has.
--
-- params: order_ids bigint[]
INSERT INTO pass_taken (order_id)
SELECT
    orders.id
FROM reconciliation_order AS orders
WHERE orders.id = ANY(%(order_ids)s::bigint[])
ORDER BY orders.id
FOR NO KEY UPDATE

-- Locks orders in the one order everybody locks them in. Leaves their keys free for references.
--
-- params: order_ids bigint[]
-- gives:  id, merged_into_id
SELECT
    orders.id,
    orders.merged_into_id
FROM reconciliation_order AS orders
WHERE orders.id = ANY(%(order_ids)s::bigint[])
ORDER BY orders.id
FOR NO KEY UPDATE

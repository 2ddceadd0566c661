-- Lays out the orders of the batch as they stand, but for those merged into others.
--
-- params: order_ids bigint[]
INSERT INTO pass_order ({columns})
SELECT {columns}
FROM reconciliation_order
WHERE id = ANY(%(order_ids)s::bigint[]) AND merged_into_id IS NULL

-- Takes orders that are due, the longest due first. The row lock is the lease: another worker
-- skips what this one has, and a crash gives it back.
--
-- params: at           timestamptz  due until when
--         batch_limit  integer      how many at most
-- gives:  order_id – one row an order
SELECT
    orders.id AS order_id
FROM reconciliation_recheck AS rechecks
INNER JOIN reconciliation_order AS orders ON orders.id = rechecks.order_id
WHERE rechecks.due_at <= %(at)s
ORDER BY rechecks.due_at, rechecks.order_id
LIMIT %(batch_limit)s
FOR NO KEY UPDATE OF orders SKIP LOCKED

-- Takes orders that are due, the longest due first. The row lock is the lease: another worker
-- skips what this one has, and a crash gives it back. The mark is locked with its order and stays
-- until it is known when next; what another worker has judged since we looked is due no more by
-- its newest mark, which a lock makes PostgreSQL look at. A mark made meanwhile waits for our end.
--
-- params: at           timestamptz  due until when
--         batch_limit  integer      how many at most
-- gives:  order_id – one row an order
SELECT
    rechecks.order_id
FROM reconciliation_recheck AS rechecks
INNER JOIN reconciliation_order AS orders ON orders.id = rechecks.order_id
WHERE rechecks.due_at <= %(at)s
ORDER BY rechecks.due_at, rechecks.order_id
LIMIT %(batch_limit)s
FOR NO KEY UPDATE OF orders SKIP LOCKED
FOR UPDATE OF rechecks SKIP LOCKED

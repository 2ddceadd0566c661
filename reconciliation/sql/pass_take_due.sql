-- Takes the due marks of orders that are locked now, which stay until it is known when next. What
-- another worker judged between our look and our lock is due no more, and is not judged twice.
-- A mark made meanwhile waits for our end, and stands.
--
-- params: at         timestamptz
--         order_ids  bigint[]
-- gives:  order_id – one row an order that was due indeed
SELECT
    rechecks.order_id
FROM reconciliation_recheck AS rechecks
WHERE
    rechecks.order_id = ANY(%(order_ids)s::bigint[])
    AND rechecks.due_at <= %(at)s
FOR UPDATE

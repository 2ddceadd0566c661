-- Takes the due marks off orders that are locked now. What another worker judged between our look
-- and our lock has no due mark any more, and is not judged twice.
--
-- params: at         timestamptz
--         order_ids  bigint[]
-- gives:  order_id – one row an order that was due indeed
DELETE FROM reconciliation_recheck AS rechecks
WHERE
    rechecks.order_id = ANY(%(order_ids)s)
    AND rechecks.due_at <= %(at)s
RETURNING rechecks.order_id

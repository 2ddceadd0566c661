-- Events that may hold someone's fields: all of their orders, and those not applied that say who
-- the customer is.
--
-- params: order_ids bigint[]; unapplied text[]
-- gives:  id, key – the customer as the sender names them; null: it is of one of the orders
SELECT events.id, NULL AS key
FROM reconciliation_event AS events
WHERE events.order_id = ANY(%(order_ids)s)
UNION ALL
SELECT events.id, events.data #>> '{customer,key}'
FROM reconciliation_event AS events
WHERE
    events.status = ANY(%(unapplied)s)
    AND events.order_id IS NULL
    AND events.data #>> '{customer,key}' IS NOT NULL

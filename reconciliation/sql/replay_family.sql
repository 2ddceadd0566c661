-- Every order that these are bound to, themselves included: their parts and wholes, what they were
-- merged with, and those that events have moved entries or taught names between. One step; ask
-- again until none is new.
--
-- params: order_ids bigint[]
-- gives:  order_id
WITH asked AS (
    SELECT unnest(%(order_ids)s::bigint[]) AS order_id
),
events AS (
    SELECT events.id, events.order_id
    FROM reconciliation_event AS events
    JOIN asked ON asked.order_id = events.order_id
    UNION
    SELECT events.id, events.order_id
    FROM reconciliation_entry AS entries
    JOIN asked ON asked.order_id = entries.order_id
    JOIN reconciliation_event AS events ON events.id = entries.event_id
    UNION
    SELECT events.id, events.order_id
    FROM reconciliation_alias AS aliases
    JOIN asked ON asked.order_id = aliases.order_id
    JOIN reconciliation_event AS events ON events.id = aliases.event_id
)
SELECT asked.order_id FROM asked
UNION
SELECT orders.parent_id
FROM reconciliation_order AS orders
JOIN asked ON asked.order_id = orders.id
WHERE orders.parent_id IS NOT NULL
UNION
SELECT orders.merged_into_id
FROM reconciliation_order AS orders
JOIN asked ON asked.order_id = orders.id
WHERE orders.merged_into_id IS NOT NULL
UNION
SELECT orders.id
FROM reconciliation_order AS orders
JOIN asked ON asked.order_id = orders.parent_id OR asked.order_id = orders.merged_into_id
UNION
SELECT events.order_id FROM events WHERE events.order_id IS NOT NULL
UNION
SELECT entries.order_id
FROM events
JOIN reconciliation_entry AS entries ON entries.event_id = events.id

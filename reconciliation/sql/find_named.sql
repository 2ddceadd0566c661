-- Finds what carries exactly a name: the order's own, an outside id that it goes by, an event's id,
-- the outside id that an event is about. Each way is an index look-up; none gives more than `most`.
--
-- params: name text; source_ids bigint[]; types text[]; most integer
-- gives:  what ('order' or 'event'), id – one row a thing; of a merged order both it and what it became
WITH events AS (
    (
        SELECT by_id.id, by_id.order_id
        FROM reconciliation_event AS by_id
        WHERE by_id.event_id = %(name)s
        LIMIT %(most)s
    )
    UNION ALL
    (
        SELECT by_reference.id, by_reference.order_id
        FROM reconciliation_event AS by_reference
        WHERE
            by_reference.source_id = ANY(%(source_ids)s::bigint[])
            AND by_reference.type = ANY(%(types)s::text[])
            AND by_reference.reference = %(name)s
            AND by_reference.reference <> ''
        LIMIT %(most)s
    )
), named AS (
    SELECT orders.id
    FROM reconciliation_order AS orders
    WHERE orders.canonical_id = %(name)s
    UNION
    (
        SELECT aliases.order_id
        FROM reconciliation_alias AS aliases
        WHERE aliases.value = %(name)s
        LIMIT %(most)s
    )
    UNION
    SELECT events.order_id
    FROM events
    WHERE events.order_id IS NOT NULL
)
SELECT 'order' AS what, named.id
FROM named
UNION
SELECT 'order', merged.merged_into_id
FROM named
JOIN reconciliation_order AS merged ON merged.id = named.id
WHERE merged.merged_into_id IS NOT NULL
UNION
SELECT 'event', events.id
FROM events

-- Takes up parked events whose order is known by now. Its rule is that of resolve_names.sql, or
-- an event would be woken and parked for ever.
--
-- params: naming text[]  fields of an event's data that name an order
-- scope limits the aliases looked at
UPDATE reconciliation_event AS events
SET status = 'RECEIVED'
WHERE
    events.id IN (
        SELECT
            waiting.id
        FROM (
            SELECT
                parked.id,
                parked.source_id,
                'order' AS kind,
                -- A sub-order waits for its parent.
                CASE
                    WHEN parked.type = 'order.created' THEN parked.data ->> 'parent'
                    ELSE parked.order_reference
                END AS value
            FROM reconciliation_event AS parked
            WHERE parked.status = 'PARKED'
            UNION ALL
            SELECT
                parked.id, parked.source_id, fields.name, parked.data ->> fields.name
            FROM reconciliation_event AS parked
            CROSS JOIN unnest(%(naming)s::text[]) AS fields (name)
            WHERE parked.status = 'PARKED' AND parked.type <> 'order.created'
        ) AS waiting
        JOIN reconciliation_alias AS aliases
            ON aliases.kind = waiting.kind AND aliases.value = waiting.value
        WHERE {scope}
        GROUP BY waiting.id, waiting.kind
        HAVING
            bool_or(aliases.source_id = waiting.source_id)
            OR min(aliases.order_id) = max(aliases.order_id)
    )

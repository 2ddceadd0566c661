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
            WHERE parked.status = 'PARKED' AND parked.type <> 'correction.recorded'
            UNION ALL
            SELECT
                parked.id, parked.source_id, fields.name, parked.data ->> fields.name
            FROM reconciliation_event AS parked
            CROSS JOIN unnest(%(naming)s::text[]) AS fields (name)
            WHERE parked.status = 'PARKED' AND parked.type NOT IN ('order.created', 'correction.recorded')
            UNION ALL
            SELECT
                parked.id, parked.source_id, given.kind, given.value
            FROM reconciliation_event AS parked
            CROSS JOIN jsonb_each_text(
                CASE jsonb_typeof(parked.data -> 'references')
                    WHEN 'object' THEN parked.data -> 'references'
                END
            ) AS given (kind, value)
            WHERE parked.status = 'PARKED' AND parked.type NOT IN ('order.created', 'correction.recorded')
        ) AS waiting
        JOIN reconciliation_alias AS aliases
            ON aliases.kind = waiting.kind AND aliases.value = waiting.value
        WHERE {scope}
        GROUP BY waiting.id, waiting.kind
        HAVING
            bool_or(aliases.source_id = waiting.source_id)
            OR min(aliases.order_id) = max(aliases.order_id)
        UNION ALL
        -- Our own corrections call orders what we call them, and a merge names two.
        SELECT
            parked.id
        FROM reconciliation_event AS parked
        JOIN reconciliation_order AS orders ON orders.canonical_id = parked.order_reference
        LEFT JOIN reconciliation_order AS merged
            ON merged.canonical_id = parked.data ->> 'merges'
        WHERE
            parked.status = 'PARKED'
            AND parked.type = 'correction.recorded'
            AND (parked.data ->> 'merges' IS NULL OR merged.id IS NOT NULL)
    )

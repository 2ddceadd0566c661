-- Takes up parked events whose order is known by now, oldest first, but none that somebody else is
-- at. Its rule is that of resolve_names.sql, or an event would be woken and parked for ever.
--
-- params: naming text[]   fields of an event's data that name an order
--         limit integer   most to take up at once
-- scope says which parked events are looked at
WITH known AS MATERIALIZED (
    SELECT
        parked.id
    FROM reconciliation_event AS parked
    WHERE
        {scope}
        AND (
            (
                parked.type <> 'correction.recorded'
                AND EXISTS (
                    SELECT
                        1
                    FROM (
                        SELECT
                            'order' AS kind,
                            -- A sub-order waits for its parent.
                            CASE
                                WHEN parked.type = 'order.created' THEN parked.data ->> 'parent'
                                ELSE parked.order_reference
                            END AS value
                        UNION ALL
                        SELECT
                            fields.name, parked.data ->> fields.name
                        FROM unnest(%(naming)s::text[]) AS fields (name)
                        WHERE parked.type <> 'order.created'
                        UNION ALL
                        SELECT
                            given.kind, given.value
                        FROM jsonb_each_text(
                            CASE jsonb_typeof(parked.data -> 'references')
                                WHEN 'object' THEN parked.data -> 'references'
                            END
                        ) AS given (kind, value)
                        WHERE parked.type <> 'order.created'
                    ) AS wanted
                    -- For each name by itself: joined, all aliases would be read for each event.
                    CROSS JOIN LATERAL (
                        SELECT
                            bool_or(aliases.source_id = parked.source_id) AS is_taught,
                            min(aliases.order_id) = max(aliases.order_id) AS is_one
                        FROM reconciliation_alias AS aliases
                        WHERE aliases.kind = wanted.kind AND aliases.value = wanted.value
                    ) AS meant
                    WHERE meant.is_taught OR meant.is_one
                )
            )
            -- Our own corrections call orders what we call them, and a merge names two.
            OR (
                parked.type = 'correction.recorded'
                AND EXISTS (
                    SELECT 1 FROM reconciliation_order AS orders
                    WHERE orders.canonical_id = parked.order_reference
                )
                AND (
                    parked.data ->> 'merges' IS NULL
                    OR EXISTS (
                        SELECT 1 FROM reconciliation_order AS merged
                        WHERE merged.canonical_id = parked.data ->> 'merges'
                    )
                )
            )
        )
    ORDER BY parked.id
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE reconciliation_event AS events
SET status = 'RECEIVED'
FROM known
WHERE events.id = known.id

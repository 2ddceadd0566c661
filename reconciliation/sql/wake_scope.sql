-- Finds parked events by the names that events have just taught, each name by index: what else is
-- parked is not looked at, however much it is.
--
-- params: event_ids bigint[]   those who taught
--         order_ids bigint[]   the orders they were found to mean
--         new_ids bigint[]     orders that are new, which corrections may wait for
parked.id = ANY(ARRAY(
    SELECT
        called.id
    FROM (
        SELECT
            aliases.kind, aliases.value
        FROM reconciliation_alias AS aliases
        WHERE
            aliases.order_id = ANY(%(order_ids)s::bigint[])
            AND aliases.event_id = ANY(%(event_ids)s::bigint[])
        UNION
        SELECT
            'canonical', orders.canonical_id
        FROM reconciliation_order AS orders
        WHERE orders.id = ANY(%(new_ids)s::bigint[])
    ) AS taught
    -- OFFSET 0 keeps each search one by name: the planner thinks too little of what is parked, for
    -- its numbers are of before, and would read all of it.
    CROSS JOIN LATERAL (
        (
            SELECT named.id
            FROM reconciliation_event AS named
            WHERE
                named.status = 'PARKED'
                AND named.order_reference = taught.value
                AND taught.kind IN ('order', 'canonical')
            OFFSET 0
        )
        UNION ALL
        (
            SELECT named.id
            FROM reconciliation_event AS named
            WHERE
                named.status = 'PARKED'
                AND named.data @> jsonb_build_object(
                    CASE taught.kind
                        WHEN 'order' THEN 'parent' WHEN 'canonical' THEN 'merges' ELSE taught.kind
                    END,
                    taught.value
                )
            OFFSET 0
        )
        UNION ALL
        (
            SELECT named.id
            FROM reconciliation_event AS named
            WHERE
                named.status = 'PARKED'
                AND named.data @> jsonb_build_object(
                    'references', jsonb_build_object(taught.kind, taught.value)
                )
            OFFSET 0
        )
    ) AS called
    WHERE EXISTS (
        SELECT 1 FROM reconciliation_event AS anything WHERE anything.status = 'PARKED'
    )
))

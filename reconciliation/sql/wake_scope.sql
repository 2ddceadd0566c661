-- Finds parked events by the names that events have just taught, each name by index: what else is
-- parked is not looked at, however much it is.
--
-- LIKE is no other question than the net's, and one that only the index of names answers. Were it
-- asked with =, any index of parked events would do for the planner, who may believe from numbers
-- of before that there are none, and would read such an index from end to end for every name.
--
-- params: event_ids bigint[]   those who taught
--         order_ids bigint[]   the orders they were found to mean
--         new_ids bigint[]     orders that are new, which corrections may wait for
parked.status::text LIKE 'PARKED%%'
AND parked.id = ANY(ARRAY(
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
    -- What an event that waits for such a name holds.
    CROSS JOIN LATERAL (
        VALUES
        (CASE WHEN taught.kind IN ('order', 'canonical')
            THEN jsonb_build_object('order', taught.value) END),
        (CASE WHEN taught.kind = 'canonical'
            THEN jsonb_build_object('merges', taught.value) END),
        (CASE WHEN taught.kind = 'order'
            THEN jsonb_build_object('parent', taught.value) END),
        (CASE WHEN taught.kind NOT IN ('order', 'canonical')
            THEN jsonb_build_object(taught.kind, taught.value) END),
        (CASE WHEN taught.kind <> 'canonical'
            THEN jsonb_build_object(
                'references', jsonb_build_object(taught.kind, taught.value)
            ) END)
    ) AS held (part)
    CROSS JOIN LATERAL (
        SELECT
            named.id
        FROM reconciliation_event AS named
        WHERE named.status::text LIKE 'PARKED%%' AND named.data @> held.part
        OFFSET 0
    ) AS called
    WHERE
        held.part IS NOT NULL
        AND EXISTS (
            SELECT 1 FROM reconciliation_event AS anything WHERE anything.status = 'PARKED'
        )
))

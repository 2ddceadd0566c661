-- Copies what events in the scratch copy may meet of other orders, which stand as they are: the
-- aliases that they name, and the orders that are called as they call theirs.
--
-- params: order_ids bigint[] – the orders that are rebuilt
WITH said AS MATERIALIZED (
    SELECT 'order' AS kind, events.order_reference AS value
    FROM pg_temp.reconciliation_event AS events
    UNION
    SELECT 'order', events.data ->> 'parent'
    FROM pg_temp.reconciliation_event AS events
    WHERE events.data ? 'parent'
    UNION
    SELECT fields.key, fields.value
    FROM pg_temp.reconciliation_event AS events
    CROSS JOIN LATERAL jsonb_each_text(events.data) AS fields
    UNION
    SELECT fields.key, fields.value
    FROM pg_temp.reconciliation_event AS events
    CROSS JOIN LATERAL jsonb_each_text(events.data -> 'references') AS fields
    WHERE jsonb_typeof(events.data -> 'references') = 'object'
),
named AS (
    INSERT INTO pg_temp.reconciliation_alias
    SELECT DISTINCT aliases.*
    FROM said
    JOIN public.reconciliation_alias AS aliases
        ON aliases.kind = said.kind AND aliases.value = said.value
    WHERE aliases.order_id <> ALL(%(order_ids)s::bigint[])
    RETURNING order_id
)
INSERT INTO pg_temp.reconciliation_order
SELECT orders.*
FROM public.reconciliation_order AS orders
WHERE
    orders.id <> ALL(%(order_ids)s::bigint[])
    AND orders.canonical_id IN (SELECT said.value FROM said WHERE said.kind = 'order')
UNION
SELECT orders.*
FROM public.reconciliation_order AS orders
WHERE orders.id IN (SELECT named.order_id FROM named)

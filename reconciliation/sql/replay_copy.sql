-- Copies, as of one moment, what a replay of some orders reads: their events without what became
-- of them and without personal fields into the scratch copy, and what the live tables hold of
-- these orders into tables beside it.
--
-- params: order_ids bigint[]; held text – the status that events wait in until their turn
WITH asked AS MATERIALIZED (
    SELECT unnest(%(order_ids)s::bigint[]) AS order_id
),
chosen AS MATERIALIZED (
    SELECT events.id
    FROM public.reconciliation_event AS events
    JOIN asked ON asked.order_id = events.order_id
    WHERE events.status IN ('APPLIED', 'DUPLICATE', 'PARKED')
    UNION
    -- What has put something on one of these orders, even if it was taken out again.
    SELECT events.id
    FROM public.reconciliation_entry AS entries
    JOIN asked ON asked.order_id = entries.order_id
    JOIN public.reconciliation_event AS events ON events.id = entries.event_id
    WHERE events.status IN ('APPLIED', 'DUPLICATE', 'PARKED')
    UNION
    -- What has taught a name of one.
    SELECT events.id
    FROM public.reconciliation_alias AS aliases
    JOIN asked ON asked.order_id = aliases.order_id
    JOIN public.reconciliation_event AS events ON events.id = aliases.event_id
    WHERE events.status IN ('APPLIED', 'DUPLICATE', 'PARKED')
    UNION
    -- What waits, though it names one of these orders.
    SELECT parked.id
    FROM public.reconciliation_event AS parked
    CROSS JOIN LATERAL (
        SELECT 'order' AS kind, parked.order_reference AS value
        UNION ALL
        SELECT fields.key, fields.value FROM jsonb_each_text(parked.data) AS fields
    ) AS said
    JOIN public.reconciliation_alias AS aliases
        ON aliases.kind = said.kind AND aliases.value = said.value
    JOIN asked ON asked.order_id = aliases.order_id
    WHERE parked.status = 'PARKED'
),
facts AS (
    INSERT INTO pg_temp.reconciliation_event
    SELECT (jsonb_populate_record(events, jsonb_build_object(
        'status', %(held)s::text,
        'order_id', NULL,
        'duplicate_of_id', NULL,
        'applied_at', NULL,
        'park_until', NULL,
        'reasons', '[]'::jsonb,
        'raw', NULL,
        'data', CASE
            WHEN jsonb_typeof(events.data -> 'customer') = 'object'
                THEN jsonb_set(events.data, '{{customer}}', (
                    SELECT COALESCE(jsonb_object_agg(fields.key, fields.value), '{{}}')
                    FROM jsonb_each(events.data -> 'customer') AS fields
                    WHERE fields.key IN ('key', 'company')
                ))
            ELSE events.data
        END
    ))).*
    FROM public.reconciliation_event AS events
    WHERE events.id IN (SELECT chosen.id FROM chosen)
),
live_events AS (
    INSERT INTO pg_temp.live_event (id, status, order_id)
    SELECT events.id, events.status, events.order_id
    FROM public.reconciliation_event AS events
    WHERE events.id IN (SELECT chosen.id FROM chosen)
),
{tables}
SELECT count(*) FROM chosen

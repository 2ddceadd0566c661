-- Puts the two sides beside each other, key by key: every record of the window that either holds.
-- A record that we hold under another moment is still the same record. Compared is every field
-- that both tell of, but not what is personal and does not stay in an event.
--
-- params: source_id bigint, types text[], since, until timestamptz
TRUNCATE diff_found;
ANALYZE diff_record;
INSERT INTO diff_found (
    kind, type, reference, order_id, order_reference, occurred_at, here, there, differences
)
WITH there AS (  -- said twice, the newest counts
    SELECT DISTINCT ON (records.type, records.reference)
        records.type, records.reference, records.order_reference, records.occurred_at, records.data
    FROM diff_record AS records
    WHERE records.type = ANY(%(types)s)
    ORDER BY records.type, records.reference, records.occurred_at DESC, records.place DESC
),
told AS (
    SELECT
        events.id, events.type, events.reference, events.order_id, events.order_reference,
        events.occurred_at, events.data
    FROM there
    INNER JOIN reconciliation_event AS events
        ON events.source_id = %(source_id)s
        AND events.type = there.type
        AND events.reference = there.reference
        AND events.reference <> ''
    WHERE events.status NOT IN ('DUPLICATE', 'CORRECTED', 'DISMISSED')
    UNION
    SELECT
        events.id, events.type, events.reference, events.order_id, events.order_reference,
        events.occurred_at, events.data
    FROM reconciliation_event AS events
    WHERE
        events.source_id = %(source_id)s
        AND events.type = ANY(%(types)s)
        AND events.reference <> ''
        AND events.status NOT IN ('DUPLICATE', 'CORRECTED', 'DISMISSED')
        AND events.occurred_at >= %(since)s
        AND events.occurred_at < %(until)s
        -- The index is by arrival, and nothing is told long before it happens.
        AND events.received_at >= %(since)s - interval '1 day'
),
here AS (
    SELECT DISTINCT ON (told.type, told.reference)
        told.type, told.reference, told.order_id, told.order_reference, told.occurred_at, told.data
    FROM told
    ORDER BY told.type, told.reference, told.occurred_at DESC, told.id DESC
)
SELECT
    CASE
        WHEN here.type IS NULL THEN 'ONLY_THERE'
        WHEN there.type IS NULL THEN 'ONLY_HERE'
        WHEN compared.differences IS NULL THEN 'MATCHED'
        ELSE 'DIFFERENT'
    END AS kind,
    COALESCE(there.type, here.type) AS type,
    COALESCE(there.reference, here.reference) AS reference,
    here.order_id,
    COALESCE(there.order_reference, here.order_reference) AS order_reference,
    COALESCE(there.occurred_at, here.occurred_at) AS occurred_at,
    here.data AS here,
    there.data AS there,
    COALESCE(compared.differences, '{}') AS differences
FROM there
FULL JOIN here ON here.type = there.type AND here.reference = there.reference
LEFT JOIN LATERAL (
    SELECT
        jsonb_object_agg(
            fields.key, jsonb_build_array(here.data -> fields.key, fields.value)
        ) AS differences
    FROM jsonb_each(there.data) AS fields
    WHERE
        here.data ? fields.key
        AND fields.key <> 'customer'
        AND here.data -> fields.key <> fields.value
) AS compared ON TRUE

-- Keeps what does not agree: seen again, new, or cleared because the two sides agree by now.
--
-- params: source_id, window_id bigint, types text[], since, until, at timestamptz
WITH apart AS (
    SELECT
        found.kind, found.type, found.reference, found.order_id, found.order_reference,
        found.occurred_at, found.differences,
        COALESCE((found.there ->> 'amount_minor')::numeric, (found.there ->> 'total_minor')::numeric,
            (found.there ->> 'net_minor')::numeric) AS there_minor,
        COALESCE((found.here ->> 'amount_minor')::numeric, (found.here ->> 'total_minor')::numeric,
            (found.here ->> 'net_minor')::numeric) AS here_minor,
        COALESCE(found.there ->> 'currency', found.here ->> 'currency', '') AS currency
    FROM diff_found AS found
    WHERE found.kind <> 'MATCHED'
),
seen AS (
    INSERT INTO reconciliation_difffinding AS known (
        source_id, window_id, kind, type, reference, order_id, order_reference, occurred_at,
        amount_minor, currency, differences, opened_at, last_seen_at
    )
    SELECT
        %(source_id)s, %(window_id)s, apart.kind, apart.type, apart.reference, apart.order_id,
        apart.order_reference, apart.occurred_at,
        abs(COALESCE(apart.there_minor, 0) - COALESCE(apart.here_minor, 0))::bigint,
        apart.currency, apart.differences, %(at)s, %(at)s
    FROM apart
    ON CONFLICT (source_id, type, reference) WHERE cleared_at IS NULL
    DO UPDATE SET
        kind = excluded.kind,
        window_id = excluded.window_id,
        order_id = excluded.order_id,
        amount_minor = excluded.amount_minor,
        differences = excluded.differences,
        last_seen_at = excluded.last_seen_at
    RETURNING known.id
)
UPDATE reconciliation_difffinding AS known
SET cleared_at = %(at)s
WHERE
    known.source_id = %(source_id)s
    AND known.cleared_at IS NULL
    AND known.type = ANY(%(types)s)
    AND (
        known.occurred_at >= %(since)s AND known.occurred_at < %(until)s
        OR EXISTS (
            SELECT
            FROM diff_found AS matched
            WHERE
                matched.type = known.type
                AND matched.reference = known.reference
        )
    )
    AND NOT EXISTS (
        SELECT
        FROM apart
        WHERE apart.type = known.type AND apart.reference = known.reference
    )

-- Puts on the trail of each sub-order what was decided about its payout, where that is news: it
-- matches the split rule, differs from it, is awaited, or is missing after its time.
--
-- query is split.sql, which gives every sub-order of the batch; record is the trail's INSERT
-- params: at                timestamptz
--         actor             text
--         rulebook_version  integer
--         check_name        text    the check whose rule decides
--         title             text    what it is called
--         late_checks       text[]  the checks that a payout which is late breaks
WITH judged AS MATERIALIZED (
{query}
),
decided AS MATERIALIZED (
    SELECT
        judged.order_id,
        CASE
            WHEN judged.verdict = 'BROKEN' THEN 'payout.differs'
            WHEN judged.verdict = 'WAITING' THEN 'payout.awaited'
            WHEN judged.actual_minor > 0 THEN 'payout.matches'
            WHEN late.is_late THEN 'payout.missing'
            ELSE 'payout.awaited'
        END AS action,
        jsonb_build_object(
            'what', details.seller,
            'check', %(check_name)s::text,
            'expected_minor', judged.expected_minor,
            'actual_minor', judged.actual_minor,
            'currency', orders.currency,
            'basis_points', judged.details -> 'basis_points',
            'fixed_minor', judged.details -> 'fixed_minor',
            'due_at', COALESCE(judged.due_at, late.due_at)
        ) AS detail
    FROM judged
    INNER JOIN pass_order AS orders ON orders.id = judged.order_id
    INNER JOIN reconciliation_orderdetail AS details ON details.order_id = judged.order_id
    CROSS JOIN LATERAL (
        SELECT
            COALESCE(bool_or(owed.verdict = 'BROKEN'), FALSE) AS is_late,
            min(owed.due_at) AS due_at
        FROM pass_judgement AS owed
        WHERE
            owed.order_id = judged.order_id
            AND owed.check_name = ANY(%(late_checks)s::text[])
    ) AS late
    WHERE
        judged.actual_minor > 0
        OR judged.expected_minor > 0 AND orders.delivered_at IS NOT NULL
),
known AS (  -- what was decided last
    SELECT DISTINCT ON (decisions.subject_id)
        decisions.subject_id,
        decisions.action,
        convert_from(decisions.body, 'UTF8')::jsonb -> 'detail' AS detail
    FROM decided
    INNER JOIN audit_auditevent AS decisions
        ON decisions.stream = 'order'
        AND decisions.subject_id = decided.order_id
        AND starts_with(decisions.action, 'payout.')
    ORDER BY decisions.subject_id, decisions.sequence DESC
),
given AS (
    SELECT
        'order'::text AS stream,
        decided.order_id AS subject_id,
        decided.action,
        %(actor)s::text AS actor,
        %(at)s::timestamptz AS at,
        ''::text AS from_state,
        ''::text AS to_state,
        %(title)s::text AS reason,
        NULL::bigint AS cause_event_id,
        %(rulebook_version)s::integer AS rulebook_version,
        decided.detail,
        1 AS hop
    FROM decided
    LEFT JOIN known ON known.subject_id = decided.order_id
    WHERE
        known.subject_id IS NULL
        OR (known.action, known.detail - 'due_at') IS DISTINCT FROM
            (decided.action, decided.detail - 'due_at')
)
{record}

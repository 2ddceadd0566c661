-- What a pass over these orders must leave, by one statement that knows it already: verdicts, moves
-- with history and trail, discrepancies with theirs, and when to look again.
--
-- params: low, high bigint; at timestamptz; actor text
WITH moved AS (
    UPDATE reconciliation_order
    SET
        verdict = 'HOLDS', state = 'RECONCILED', version = version + 1,
        reconciled_at = %(at)s::timestamptz
    WHERE id > %(low)s AND id <= %(high)s AND {breaks} IS NULL
    RETURNING *
),
remembered AS (
    INSERT INTO reconciliation_historicalorder (
        {columns}, history_date, history_type, history_change_reason
    )
    SELECT {columns}, %(at)s::timestamptz, '~', 'order.reconciled' FROM moved
),
broken AS (
    UPDATE reconciliation_order
    SET verdict = 'BROKEN'
    WHERE id > %(low)s AND id <= %(high)s AND {breaks} IS NOT NULL
    RETURNING *
),
opened AS (
    INSERT INTO reconciliation_discrepancy (
        check_name, rulebook_version, order_id, team_id, at_risk_minor, currency, details,
        opened_at, last_seen_at
    )
    SELECT
        'planted', 1, broken.id, (SELECT min(teams.id) FROM reconciliation_team AS teams),
        broken.ordered_minor, broken.currency,
        jsonb_build_object('paid', broken.paid_minor, 'invoiced', broken.invoiced_minor),
        %(at)s::timestamptz, %(at)s::timestamptz
    FROM broken
    RETURNING id, order_id, details
),
given AS (
    SELECT
        'order'::text AS stream, moved.id AS subject_id, 'order.reconciled'::text AS action,
        %(actor)s::text AS actor, %(at)s::timestamptz AS at, 'BILLED'::text AS from_state,
        'RECONCILED'::text AS to_state, ''::text AS reason, NULL::bigint AS cause_event_id,
        1 AS rulebook_version, '{{}}'::jsonb AS detail, 1 AS hop
    FROM moved
    UNION ALL
    SELECT
        'order', opened.order_id, 'discrepancy.opened', %(actor)s::text, %(at)s::timestamptz, '', '',
        'planted', NULL, 1,
        jsonb_build_object('discrepancy', opened.id, 'compared', opened.details), 1
    FROM opened
),
recorded AS (
    {record}
),
settled AS (
    DELETE FROM reconciliation_recheck USING broken WHERE order_id = broken.id
)
UPDATE reconciliation_recheck AS rechecks
SET due_at = moved.reconciled_at + interval '3 days', reason = 'closing'
FROM moved
WHERE rechecks.order_id = moved.id

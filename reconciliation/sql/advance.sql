-- Moves each order along the path its facts make: state, version, history and trail in one go.
-- Each order is written once: a new verdict goes with its move, or alone where nothing moves.
-- The places in braces are filled from the declarations in reconciliation/models/moves.py.
--
-- orders is advance_given.sql or advance_judged.sql
-- params: actor text, at timestamptz, rulebook_version integer or null, and those of orders
-- gives:  how many orders moved
WITH facts AS MATERIALIZED (
    SELECT
        orders.id,
        orders.state,
        orders.version,
        orders.verdict,
        orders.is_closable,
        orders.is_news,
        orders.cause,
        {facts}
    FROM (
{orders}
    ) AS orders
),
known AS MATERIALIZED (
    SELECT
        known.id,
        known.state,
        known.version,
        known.verdict,
        known.is_closable,
        known.is_news,
        known.cause,
        {conditions}
    FROM facts AS known
),
routed AS MATERIALIZED (
    SELECT
        ways.id, ways.version, ways.verdict, ways.is_closable, ways.cause, ways.path
    FROM (
        SELECT
            known.id, known.version, known.verdict, known.is_closable, known.is_news, known.cause,
            {path} AS path
        FROM known
    ) AS ways
    WHERE ways.path IS NOT NULL OR ways.is_news
),
hops (path, hop, from_state, to_state, says) AS (
    VALUES
        {hops}
),
ends (path, hops, state, stamp) AS (
    VALUES
        {ends}
),
hops_made AS MATERIALIZED (
    SELECT
        'order'::text AS stream,
        routed.id AS subject_id,
        hops.says AS action,
        %(actor)s::text AS actor,
        %(at)s::timestamptz AS at,
        hops.from_state,
        hops.to_state,
        ''::text AS reason,
        routed.cause AS cause_event_id,
        %(rulebook_version)s::integer AS rulebook_version,
        '{{}}'::jsonb AS detail,
        hops.hop,
        routed.version + hops.hop AS version
    FROM routed
    JOIN hops ON hops.path = routed.path
),
recorded AS (
    {record}
),
moved AS (
    UPDATE reconciliation_order AS orders
    SET
        state = COALESCE(ends.state, orders.state),
        version = orders.version + COALESCE(ends.hops, 0),
        verdict = routed.verdict,
        is_closable = routed.is_closable,
        reconciled_at = CASE ends.stamp
            WHEN 'set' THEN %(at)s::timestamptz
            WHEN 'clear' THEN NULL
            ELSE orders.reconciled_at
        END
    FROM routed
    LEFT JOIN ends ON ends.path = routed.path
    WHERE orders.id = routed.id
    RETURNING orders.*
),
-- Moments of one order's history must differ: each is its version's microseconds after `at`.
remembered AS (
    INSERT INTO reconciliation_historicalorder (
        {columns}, state, version, reconciled_at,
        history_date, history_type, history_change_reason
    )
    SELECT
        {values}, hops_made.to_state, hops_made.version, moved.reconciled_at,
        hops_made.at + hops_made.version * interval '1 microsecond', '~', hops_made.action
    FROM hops_made
    JOIN moved ON moved.id = hops_made.subject_id
)
SELECT
    count(routed.path)
FROM routed

-- The same amount twice within the window under different references, on an order that now has
-- more of it than it should: two halves of one price are no duplicate, and a second charge that
-- was refunded is none any more. What has no reference stands for itself: nothing is known to be the
-- same, so a person decides. There is nothing to wait for.
--
-- params: at            timestamptz  the moment this pass speaks of (not needed by this family)
--         kind          text         INVOICED or PAID
--         within_hours  integer      how far apart the two may be
-- gives:  order_id, verdict, due_at, expected_minor, actual_minor, at_risk_minor, details –
--         one row an order with a duplicate; all others are fine
WITH exceeding AS (  -- orders on which more than is owed stands; few, so entries are read for few
    SELECT
        reconciliation_order.id AS order_id,
        {owed} AS expected_minor,
        {total} AS actual_minor,
        {details} AS details
    FROM {orders} AS reconciliation_order
    WHERE
        ({applies})
        AND {total} > {owed}
),
referred AS (  -- one row for each amount under each outside reference, or without one
    SELECT
        entries.order_id,
        entries.amount_minor,
        entries.currency,
        COALESCE(NULLIF(entries.reference, ''), 'event ' || entries.event_id) AS reference,
        min(entries.occurred_at) AS occurred_at
    FROM exceeding
    -- Order by order (OFFSET 0 keeps it so): a join of sets may be planned to read every entry.
    CROSS JOIN LATERAL (
        SELECT
            each.order_id, each.event_id, each.amount_minor, each.currency, each.reference,
            each.occurred_at
        FROM reconciliation_entry AS each
        WHERE
            each.order_id = exceeding.order_id
            AND each.kind = %(kind)s
            AND each.amount_minor > 0
            AND (
                SELECT reversals.id FROM reconciliation_entry AS reversals
                WHERE reversals.reverses_id = each.id
            ) IS NULL
        OFFSET 0
    ) AS entries
    GROUP BY
        entries.order_id,
        entries.amount_minor,
        entries.currency,
        COALESCE(NULLIF(entries.reference, ''), 'event ' || entries.event_id)
),
followed AS (  -- how long after the one before it of the same amount
    SELECT
        referred.order_id,
        referred.amount_minor,
        referred.reference,
        referred.occurred_at - lag(referred.occurred_at) OVER (
            PARTITION BY referred.order_id, referred.amount_minor, referred.currency
            ORDER BY referred.occurred_at, referred.reference
        ) AS gap
    FROM referred
),
doubled AS (
    SELECT
        followed.order_id,
        sum(followed.amount_minor)::bigint AS doubled_minor,
        jsonb_agg(followed.reference ORDER BY followed.reference) AS again
    FROM followed
    WHERE followed.gap <= make_interval(hours => %(within_hours)s)
    GROUP BY followed.order_id
)
SELECT
    doubled.order_id,
    'BROKEN' AS verdict,
    NULL::timestamptz AS due_at,
    exceeding.expected_minor,
    exceeding.actual_minor,
    LEAST(
        doubled.doubled_minor, exceeding.actual_minor - exceeding.expected_minor
    ) AS at_risk_minor,
    exceeding.details || jsonb_build_object('again', doubled.again) AS details
FROM doubled
INNER JOIN exceeding ON exceeding.order_id = doubled.order_id

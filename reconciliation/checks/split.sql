-- What each seller was paid out for his sub-order against his share by the split rule.
--
-- A share is a percentage of the sub-order's amount and a fixed amount more or less, by seller. What
-- is no seller's is the house's. All of an order is shared out to the last minor unit: each share is
-- rounded down, and the units left over go to the largest remainders, among equal ones to the
-- sub-order that is first by name, to the house last. A cancelled sub-order has no share. A seller
-- whom no rule fits is not judged. Where nothing was paid out yet there is nothing to compare;
-- whether it is late is another check's.
--
-- params: at            timestamptz  the moment this pass speaks of
--         sellers       text[]       whose share each rule gives; '*' anyone's, if no other fits
--         basis_points  integer[]    1/10,000 of the sub-order's amount, one for each of sellers
--         fixed_minor   bigint[]     what comes on top, or is taken off, likewise
--         above_minor   bigint       how much more than the share is fine
--         below_minor   bigint       how much less than the share is fine
--         and those of the window, hours or business days, which due_at is written from
-- gives:  order_id, verdict, due_at, expected_minor, actual_minor, at_risk_minor, details –
--         one row a sub-order to which the check applies
WITH subjects AS MATERIALIZED (
    SELECT
        reconciliation_order.id AS order_id,
        reconciliation_order.parent_id AS whole_id,
        reconciliation_order.paid_out_minor AS actual,
        reconciliation_order.cancelled_at IS NOT NULL AS is_cancelled,
        {due_at} AS due_at
    FROM {orders} AS reconciliation_order
    WHERE
        reconciliation_order.parent_id IS NOT NULL
        AND ({applies})
),
ruled AS (  -- every open sub-order of these wholes, with the rule for its seller
    SELECT
        parts.id AS order_id,
        parts.parent_id AS whole_id,
        parts.canonical_id,
        parts.ordered_minor::numeric AS amount,
        rules.basis_points,
        rules.fixed_minor
    FROM reconciliation_order AS parts
    INNER JOIN reconciliation_orderdetail AS details ON details.order_id = parts.id
    CROSS JOIN LATERAL (
        SELECT rules.*
        FROM unnest(
            %(sellers)s::text[], %(basis_points)s::integer[], %(fixed_minor)s::bigint[]
        ) AS rules (seller, basis_points, fixed_minor)
        WHERE rules.seller IN (details.seller, '*')
        ORDER BY rules.seller = '*'
        LIMIT 1
    ) AS rules
    WHERE
        parts.parent_id IN (SELECT subjects.whole_id FROM subjects)
        AND parts.cancelled_at IS NULL
        AND parts.merged_into_id IS NULL
),
exact AS (  -- in 1/10,000 of a minor unit, never less than nothing nor more than the amount
    SELECT
        ruled.*,
        LEAST(
            GREATEST(
                ruled.amount * ruled.basis_points + ruled.fixed_minor::numeric * 10000, 0
            ),
            ruled.amount * 10000
        ) AS share
    FROM ruled
),
rounded AS (  -- the remainders of an order's shares and the house's add up to whole units
    SELECT
        exact.*,
        div(exact.share, 10000) AS whole_units,
        mod(exact.share, 10000) AS remainder,
        mod(sum(exact.amount * 10000 - exact.share) OVER family, 10000) AS of_the_house
    FROM exact
    WINDOW family AS (PARTITION BY exact.whole_id)
),
ranked AS (
    SELECT
        rounded.*,
        (sum(rounded.remainder) OVER family + rounded.of_the_house) / 10000 AS left_over,
        row_number() OVER (
            PARTITION BY rounded.whole_id
            ORDER BY rounded.remainder DESC, rounded.canonical_id
        ) + (rounded.of_the_house > rounded.remainder)::integer AS place
    FROM rounded
    WINDOW family AS (PARTITION BY rounded.whole_id)
),
shares AS MATERIALIZED (
    SELECT
        ranked.order_id,
        ranked.basis_points,
        ranked.fixed_minor,
        (ranked.whole_units + (ranked.place <= ranked.left_over)::integer)::bigint AS minor
    FROM ranked
)
SELECT
    compared.order_id,
    CASE
        WHEN NOT compared.is_off THEN 'HOLDS'
        WHEN compared.due_at > %(at)s THEN 'WAITING'
        ELSE 'BROKEN'
    END AS verdict,
    CASE WHEN compared.is_off AND compared.due_at > %(at)s THEN compared.due_at END AS due_at,
    compared.expected AS expected_minor,
    compared.actual AS actual_minor,
    abs(compared.actual - compared.expected) AS at_risk_minor,
    jsonb_build_object(
        'paid_out_minor', compared.actual,
        'share_minor', compared.expected,
        'basis_points', compared.basis_points,
        'fixed_minor', compared.fixed_minor
    ) AS details
FROM (
    SELECT
        subjects.order_id,
        subjects.due_at,
        subjects.actual,
        COALESCE(shares.minor, 0) AS expected,
        shares.basis_points,
        shares.fixed_minor,
        subjects.actual > 0
        AND (
            subjects.actual - COALESCE(shares.minor, 0) > %(above_minor)s::bigint
            OR COALESCE(shares.minor, 0) - subjects.actual > %(below_minor)s::bigint
        ) AS is_off
    FROM subjects
    LEFT JOIN shares ON shares.order_id = subjects.order_id
    WHERE shares.order_id IS NOT NULL OR subjects.is_cancelled
) AS compared

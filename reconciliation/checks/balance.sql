-- Two signed sums of an order's totals that should agree, and do not by more than the tolerance.
-- Each side has its own, of which the larger of the absolute and the relative one counts; a side
-- whose absolute tolerance is NULL may differ without bound. Waits until the window is over.
--
-- params: at                  timestamptz  the moment this pass speaks of
--         above_minor         bigint       how much more than expected is fine; NULL: any
--         above_basis_points  integer      the same in 1/10,000 of what is expected
--         below_minor         bigint       how much less than expected is fine; NULL: any
--         below_basis_points  integer      the same in 1/10,000 of what is expected
--         and those of the window, hours or business days, which due_at is written from
-- gives:  order_id, verdict, due_at, expected_minor, actual_minor, at_risk_minor, details –
--         one row an order to which the check applies
SELECT
    compared.order_id,
    CASE
        WHEN NOT compared.is_off THEN 'HOLDS'
        WHEN compared.due_at > %(at)s THEN 'WAITING'
        ELSE 'BROKEN'
    END AS verdict,
    CASE WHEN compared.is_off AND compared.due_at > %(at)s THEN compared.due_at END AS due_at,
    {expected_minor} AS expected_minor,
    {actual_minor} AS actual_minor,
    compared.at_risk_minor,
    compared.details
FROM (
    SELECT
        reconciliation_order.id AS order_id,
        {expected} AS expected,
        {actual} AS actual,
        {at_risk} AS at_risk_minor,
        {due_at} AS due_at,
        ({actual}) - ({expected}) > GREATEST(
            %(above_minor)s::bigint, abs({expected}) * %(above_basis_points)s::numeric / 10000
        ) AND %(above_minor)s::bigint IS NOT NULL
        OR ({expected}) - ({actual}) > GREATEST(
            %(below_minor)s::bigint, abs({expected}) * %(below_basis_points)s::numeric / 10000
        ) AND %(below_minor)s::bigint IS NOT NULL AS is_off,
        {details} AS details
    FROM {orders} AS reconciliation_order
    WHERE {applies}
) AS compared

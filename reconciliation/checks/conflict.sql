-- A condition that must not hold for longer than the window, such as cancelled but paid.
-- The window counts from the latest of the moments in since; if none is known, it is over.
--
-- params: at  timestamptz  the moment this pass speaks of
--         and those of the window, hours or business days, which due_at is written from
-- gives:  order_id, verdict, due_at, expected_minor, actual_minor, at_risk_minor, details –
--         one row an order for which the condition holds; all others are fine
SELECT
    clashing.order_id,
    CASE WHEN clashing.due_at > %(at)s THEN 'WAITING' ELSE 'BROKEN' END AS verdict,
    CASE WHEN clashing.due_at > %(at)s THEN clashing.due_at END AS due_at,
    NULL::bigint AS expected_minor,
    NULL::bigint AS actual_minor,
    clashing.at_risk_minor,
    clashing.details
FROM (
    SELECT
        reconciliation_order.id AS order_id,
        {due_at} AS due_at,
        {at_risk} AS at_risk_minor,
        {details} AS details
    FROM {orders} AS reconciliation_order
    WHERE
        ({applies})
        AND ({when})
) AS clashing

-- No fact for longer than the window about an order that should still be moving.
--
-- params: at  timestamptz  the moment this pass speaks of
--         and those of the window, hours or business days, which due_at is written from
-- gives:  order_id, verdict, due_at, expected_minor, actual_minor, at_risk_minor, details –
--         one row an order to which the check applies; it is waiting until it is silent too long
SELECT
    heard.order_id,
    CASE WHEN heard.due_at > %(at)s THEN 'WAITING' ELSE 'BROKEN' END AS verdict,
    CASE WHEN heard.due_at > %(at)s THEN heard.due_at END AS due_at,
    NULL::bigint AS expected_minor,
    NULL::bigint AS actual_minor,
    heard.at_risk_minor,
    heard.details
FROM (
    SELECT
        reconciliation_order.id AS order_id,
        {due_at} AS due_at,
        {at_risk} AS at_risk_minor,
        {details} AS details
    FROM {orders} AS reconciliation_order
    WHERE {applies}
) AS heard

-- One thing happened, and the thing that must follow it did not within the window.
-- What followed counts only while done holds: an invoice that was voided since is none.
--
-- params: at  timestamptz  the moment this pass speaks of
--         and those of the window, hours or business days, which due_at is written from
-- gives:  order_id, verdict, due_at, expected_minor, actual_minor, at_risk_minor, details –
--         one row an order to which the check applies and the first thing happened
SELECT
    followed.order_id,
    CASE
        WHEN followed.is_done THEN 'HOLDS'
        WHEN followed.due_at > %(at)s THEN 'WAITING'
        ELSE 'BROKEN'
    END AS verdict,
    CASE WHEN NOT followed.is_done AND followed.due_at > %(at)s THEN followed.due_at END AS due_at,
    NULL::bigint AS expected_minor,
    NULL::bigint AS actual_minor,
    followed.at_risk_minor,
    followed.details
FROM (
    SELECT
        reconciliation_order.id AS order_id,
        {then} IS NOT NULL AND ({done}) AS is_done,
        {due_at} AS due_at,
        {at_risk} AS at_risk_minor,
        {details} AS details
    FROM {orders} AS reconciliation_order
    WHERE
        {first} IS NOT NULL
        AND ({applies})
) AS followed

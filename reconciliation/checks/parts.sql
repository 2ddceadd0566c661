-- Sub-orders whose amounts do not add up to the order that they are parts of. Cancelled ones count
-- unless the order was made smaller by them. Waits until the window is over, as long as sub-orders
-- may still come.
--
-- params: at  timestamptz  the moment this pass speaks of
--         and those of the window, hours or business days, which due_at is written from
-- gives:  order_id, verdict, due_at, expected_minor, actual_minor, at_risk_minor, details –
--         one row an order with sub-orders to which the check applies
SELECT
    compared.order_id,
    CASE
        WHEN NOT compared.is_off THEN 'HOLDS'
        WHEN compared.due_at > %(at)s THEN 'WAITING'
        ELSE 'BROKEN'
    END AS verdict,
    CASE WHEN compared.is_off AND compared.due_at > %(at)s THEN compared.due_at END AS due_at,
    compared.ordered_minor AS expected_minor,
    compared.all_minor AS actual_minor,
    abs(compared.ordered_minor - compared.all_minor) AS at_risk_minor,
    jsonb_build_object(
        'ordered_minor', compared.ordered_minor,
        'parts_minor', compared.all_minor,
        'open_parts_minor', compared.open_minor
    ) AS details
FROM (
    SELECT
        reconciliation_order.id AS order_id,
        reconciliation_order.ordered_minor,
        {due_at} AS due_at,
        parts.all_minor,
        parts.open_minor,
        reconciliation_order.ordered_minor NOT IN (parts.all_minor, parts.open_minor) AS is_off
    FROM {orders} AS reconciliation_order
    CROSS JOIN LATERAL (
        SELECT
            COALESCE(sum(parts.ordered_minor), 0)::bigint AS all_minor,
            COALESCE(
                sum(parts.ordered_minor) FILTER (WHERE parts.cancelled_at IS NULL), 0
            )::bigint AS open_minor
        FROM reconciliation_order AS parts
        WHERE parts.parent_id = reconciliation_order.id AND parts.merged_into_id IS NULL
    ) AS parts
    WHERE
        reconciliation_order.part_count > 0
        AND ({applies})
) AS compared

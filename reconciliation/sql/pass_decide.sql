-- Says for each order what its checks say together, when it must be judged again because of
-- them, and whether it may be closed: reconciled for long enough, or cancelled with nothing owed
-- either way and nothing out. A write-back under way is waited for, and looked after each minute.
--
-- params: at          timestamptz
--         close_days  integer      how long an order stays Reconciled before it is closed
INSERT INTO pass_verdict (order_id, verdict, is_closable, due_at, waits_on)
SELECT
    orders.id,
    CASE
        WHEN COALESCE(told.is_broken, FALSE) THEN 'BROKEN'
        WHEN told.due_at IS NOT NULL OR owed.is_owed OR open.is_open THEN 'WAITING'
        ELSE 'HOLDS'
    END AS verdict,
    CASE
        WHEN orders.cancelled_at IS NOT NULL
            THEN orders.paid_minor <= orders.refunded_minor
                AND orders.invoiced_minor <= orders.credited_minor
                AND orders.shipped_quantity <= orders.returned_quantity
        ELSE COALESCE(
            orders.reconciled_at + make_interval(days => %(close_days)s) <= %(at)s, FALSE
        )
    END AS is_closable,
    LEAST(
        told.due_at, CASE WHEN owed.is_owed THEN %(at)s + make_interval(mins => 1) END
    ) AS due_at,
    COALESCE(told.waits_on, CASE WHEN owed.is_owed THEN 'write-back' END, '') AS waits_on
FROM pass_order AS orders
LEFT JOIN (
    SELECT
        judged.order_id,
        bool_or(judged.verdict = 'BROKEN') AS is_broken,
        min(judged.due_at) FILTER (WHERE judged.verdict = 'WAITING') AS due_at,
        (array_agg(judged.check_name ORDER BY judged.due_at) FILTER (
            WHERE judged.verdict = 'WAITING'
        ))[1] AS waits_on
    FROM pass_judgement AS judged
    GROUP BY judged.order_id
) AS told ON told.order_id = orders.id
CROSS JOIN LATERAL (
    SELECT
        EXISTS (
            SELECT
            FROM reconciliation_writeback AS writebacks
            WHERE
                writebacks.order_id = orders.id
                AND writebacks.state IN ('DUE', 'SENDING', 'UNKNOWN')
        ) AS is_owed
) AS owed
CROSS JOIN LATERAL (
    SELECT
        EXISTS (
            SELECT
            FROM reconciliation_discrepancy AS discrepancies
            WHERE discrepancies.order_id = orders.id AND discrepancies.cleared_at IS NULL
        ) AS is_open
) AS open

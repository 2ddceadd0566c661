-- Notes when each order must be judged again: when the first of what it waits for is due, or when
-- a reconciled order may be closed. An order with neither waits for its next fact.
--
-- params: at          timestamptz
--         order_ids   bigint[]
--         close_days  integer
DELETE FROM reconciliation_recheck AS rechecks
WHERE rechecks.order_id = ANY(%(order_ids)s);
INSERT INTO reconciliation_recheck (order_id, due_at, reason)
SELECT
    next.order_id,
    next.due_at,
    next.reason
FROM (
    SELECT
        found.order_id,
        LEAST(
            found.due_at,
            CASE
                WHEN orders.state = 'RECONCILED'
                    THEN orders.reconciled_at + make_interval(days => %(close_days)s)
            END
        ) AS due_at,
        CASE WHEN found.waits_on = '' THEN 'closing' ELSE found.waits_on END AS reason
    FROM pass_verdict AS found
    INNER JOIN reconciliation_order AS orders ON orders.id = found.order_id
) AS next
WHERE next.due_at > %(at)s

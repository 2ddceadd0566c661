-- Notes when each order must be judged again: when the first of what it waits for is due, or when
-- a reconciled order may be closed. An order with neither waits for its next fact. A mark that is
-- there is moved: a new one would have its order looked up once more.
--
-- params: at          timestamptz
--         order_ids   bigint[]
--         close_days  integer
WITH next AS MATERIALIZED (
    SELECT
        dated.order_id,
        dated.due_at,
        dated.reason
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
    ) AS dated
    WHERE dated.due_at > %(at)s
),
over AS (
    DELETE FROM reconciliation_recheck AS rechecks
    WHERE
        rechecks.order_id IN (
            SELECT judged.order_id FROM unnest(%(order_ids)s::bigint[]) AS judged (order_id)
            EXCEPT
            SELECT next.order_id FROM next
        )
),
moved AS (
    UPDATE reconciliation_recheck AS known
    SET due_at = next.due_at, reason = next.reason
    FROM next
    WHERE known.order_id = next.order_id
    RETURNING known.order_id
)
INSERT INTO reconciliation_recheck AS known (order_id, due_at, reason)
SELECT
    next.order_id,
    next.due_at,
    next.reason
FROM next
WHERE next.order_id NOT IN (SELECT moved.order_id FROM moved)
ON CONFLICT (order_id) DO UPDATE
SET due_at = excluded.due_at, reason = excluded.reason

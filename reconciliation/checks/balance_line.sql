-- Two signed sums of a line's units that should agree, line by line, and do not by more than the
-- tolerance; each side has its own, as in balance.sql. One row an order, which names each line
-- that is off: units on a line that the order does not have are too many. An order in parts is
-- judged part by part; what was told of the whole counts for the one part that has the line.
--
-- params: at                  timestamptz  the moment this pass speaks of
--         above_minor         bigint       how many units more than expected are fine; NULL: any
--         above_basis_points  integer      the same in 1/10,000 of what is expected
--         below_minor         bigint       how many units less than expected are fine; NULL: any
--         below_basis_points  integer      the same in 1/10,000 of what is expected
--         and those of the window, hours or business days, which due_at is written from
-- gives:  order_id, verdict, due_at, expected_minor, actual_minor, at_risk_minor, details –
--         one row an order to which the check applies
WITH asked AS MATERIALIZED (
    SELECT
        reconciliation_order.id AS order_id,
        reconciliation_order.parent_id,
        {due_at} AS due_at,
        {at_risk} AS at_risk_minor
    FROM {orders} AS reconciliation_order
    WHERE
        ({applies})
        AND reconciliation_order.part_count = 0
),
moved AS (  -- units by line, neither reversed nor reversals
    SELECT
        asked.order_id,
        entries.line,
        sum(entries.quantity) FILTER (WHERE entries.kind = 'SHIPPED') AS shipped_quantity,
        sum(entries.quantity) FILTER (WHERE entries.kind = 'RETURNED') AS returned_quantity
    FROM asked
    INNER JOIN reconciliation_entry AS entries
        ON entries.order_id IN (asked.order_id, asked.parent_id)
    WHERE
        entries.kind IN ('SHIPPED', 'RETURNED')
        AND entries.reverses_id IS NULL
        AND NOT EXISTS (
            SELECT
            FROM reconciliation_entry AS reversals
            WHERE reversals.order_id = entries.order_id AND reversals.reverses_id = entries.id
        )
        AND (
            entries.order_id = asked.order_id
            OR EXISTS (
                SELECT
                FROM reconciliation_orderline AS own
                WHERE own.order_id = asked.order_id AND own.line = entries.line
            )
            AND NOT EXISTS (
                SELECT
                FROM reconciliation_order AS others
                INNER JOIN reconciliation_orderline AS theirs ON theirs.order_id = others.id
                WHERE
                    others.parent_id = asked.parent_id
                    AND others.id <> asked.order_id
                    AND theirs.line = entries.line
            )
        )
    GROUP BY asked.order_id, entries.line
),
named AS (
    SELECT moved.order_id, moved.line FROM moved
    UNION
    SELECT lines.order_id, lines.line
    FROM asked
    INNER JOIN reconciliation_orderline AS lines ON lines.order_id = asked.order_id
),
units AS (
    SELECT
        named.order_id,
        named.line,
        COALESCE(lines.unit_minor, 0) AS unit_minor,
        CASE WHEN lines.fulfil = 'SHIP' THEN lines.quantity ELSE 0 END AS to_ship_quantity,
        COALESCE(moved.shipped_quantity, 0) AS shipped_quantity,
        COALESCE(moved.returned_quantity, 0) AS returned_quantity
    FROM named
    LEFT JOIN reconciliation_orderline AS lines
        ON lines.order_id = named.order_id AND lines.line = named.line
    LEFT JOIN moved ON moved.order_id = named.order_id AND moved.line = named.line
),
compared AS (
    SELECT
        units.order_id,
        units.line,
        units.unit_minor,
        {expected} AS expected,
        {actual} AS actual,
        ({actual}) - ({expected}) > GREATEST(
            %(above_minor)s::bigint, abs({expected}) * %(above_basis_points)s::numeric / 10000
        ) AND %(above_minor)s::bigint IS NOT NULL
        OR ({expected}) - ({actual}) > GREATEST(
            %(below_minor)s::bigint, abs({expected}) * %(below_basis_points)s::numeric / 10000
        ) AND %(below_minor)s::bigint IS NOT NULL AS is_off
    FROM units
),
off_lines AS (
    SELECT
        compared.order_id,
        sum(abs(compared.actual - compared.expected) * compared.unit_minor)::bigint AS value_minor,
        jsonb_agg(
            jsonb_build_object(
                'line', compared.line, 'expected', compared.expected, 'actual', compared.actual
            ) ORDER BY compared.line
        ) AS lines
    FROM compared
    WHERE compared.is_off
    GROUP BY compared.order_id
)
SELECT
    asked.order_id,
    CASE
        WHEN off_lines.order_id IS NULL THEN 'HOLDS'
        WHEN asked.due_at > %(at)s THEN 'WAITING'
        ELSE 'BROKEN'
    END AS verdict,
    CASE
        WHEN off_lines.order_id IS NOT NULL AND asked.due_at > %(at)s THEN asked.due_at
    END AS due_at,
    NULL::bigint AS expected_minor,
    NULL::bigint AS actual_minor,
    COALESCE(asked.at_risk_minor, off_lines.value_minor, 0) AS at_risk_minor,
    jsonb_build_object('lines', COALESCE(off_lines.lines, '[]'::jsonb)) AS details
FROM asked
LEFT JOIN off_lines ON off_lines.order_id = asked.order_id

-- Every order's totals and milestones, from nothing but its entries and lines: a function of the
-- set of facts, whatever order they came in.
--
-- scope gives order_id of the orders asked for; counted, ordered are files beside this.
-- gives: order_id and one column for each of reconciliation.ledger.COLUMNS
WITH scope AS MATERIALIZED (
    {scope}
),
counted AS MATERIALIZED (
    {counted}
),
ordered AS MATERIALIZED (
    {ordered}
),
-- A reference taken back cancels every entry under it, early or late.
taken_back AS MATERIALIZED (
    SELECT DISTINCT
        counted.order_id, counted.kind, counted.reference
    FROM counted
    WHERE
        counted.kind IN ('POSTED', 'FULFILMENT_RECORDED')
        AND (counted.amount_minor < 0 OR counted.quantity < 0)
),
standing AS MATERIALIZED (
    SELECT
        counted.order_id, counted.kind, counted.line, counted.quantity, counted.occurred_at
    FROM counted
    LEFT JOIN taken_back
        ON taken_back.order_id = counted.order_id
        AND taken_back.kind = counted.kind
        AND taken_back.reference = counted.reference
    WHERE
        counted.kind IN ('POSTED', 'FULFILMENT_RECORDED')
        AND taken_back.order_id IS NULL
),
marks AS MATERIALIZED (
    SELECT
        standing.order_id,
        min(standing.occurred_at) FILTER (WHERE standing.kind = 'POSTED') AS posted_at,
        min(standing.occurred_at) FILTER (WHERE standing.kind = 'FULFILMENT_RECORDED')
            AS recorded_at,
        sum(standing.quantity)
            FILTER (WHERE standing.kind = 'FULFILMENT_RECORDED' AND standing.line <> '')
            AS recorded_quantity,
        bool_or(standing.kind = 'FULFILMENT_RECORDED' AND standing.line = '') AS is_recorded_whole
    FROM standing
    GROUP BY standing.order_id
),
shipped AS MATERIALIZED (
    SELECT
        counted.order_id, counted.line, sum(counted.quantity) AS quantity
    FROM counted
    WHERE counted.kind = 'SHIPPED'
    GROUP BY counted.order_id, counted.line
),
lines AS MATERIALIZED (
    SELECT
        lines.order_id,
        sum(lines.quantity) AS quantity,
        sum(lines.quantity) FILTER (WHERE lines.fulfil = 'SHIP') AS to_ship_quantity,
        sum(lines.quantity) FILTER (WHERE lines.fulfil = 'ACTIVATE') AS to_activate_quantity,
        sum(GREATEST(lines.quantity - COALESCE(shipped.quantity, 0), 0))
            FILTER (WHERE lines.fulfil = 'SHIP') AS unshipped_quantity
    FROM scope
    JOIN reconciliation_orderline AS lines ON lines.order_id = scope.order_id
    LEFT JOIN shipped ON shipped.order_id = lines.order_id AND shipped.line = lines.line
    GROUP BY lines.order_id
),
-- A parcel delivered as a whole delivers what was shipped in it, whatever was told of its parts.
delivered AS MATERIALIZED (
    SELECT
        parcels.order_id,
        sum(
            CASE
                WHEN parcels.is_whole THEN GREATEST(parcels.delivered, parcels.shipped)
                ELSE parcels.delivered
            END
        ) AS quantity
    FROM (
        -- Not two sets joined: without statistics the planner takes both for a row or two.
        SELECT
            counted.order_id,
            COALESCE(sum(counted.quantity) FILTER (WHERE counted.kind = 'DELIVERED'), 0)
                AS delivered,
            COALESCE(sum(counted.quantity) FILTER (WHERE counted.kind = 'SHIPPED'), 0) AS shipped,
            bool_or(counted.kind = 'DELIVERED' AND counted.line = '') AS is_whole
        FROM counted
        WHERE counted.kind IN ('DELIVERED', 'SHIPPED')
        GROUP BY counted.order_id, counted.reference
    ) AS parcels
    GROUP BY parcels.order_id
),
own AS MATERIALIZED (
    SELECT
        counted.order_id, counted.kind, counted.amount_minor, counted.quantity,
        counted.occurred_at,
        counted.currency IN ('', COALESCE(NULLIF(ordered.currency, ''), orders.currency)) AS is_own
    FROM counted
    JOIN reconciliation_order AS orders ON orders.id = counted.order_id
    LEFT JOIN ordered ON ordered.order_id = counted.order_id
),
sums AS MATERIALIZED (
    SELECT
        own.order_id,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'INVOICED' AND own.is_own) AS invoiced_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'CREDITED' AND own.is_own) AS credited_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'AUTHORISED' AND own.is_own)
            AS authorised_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'PAID' AND own.is_own) AS paid_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'REFUNDED' AND own.is_own) AS refunded_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'DISPUTED' AND own.is_own) AS disputed_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'FEE' AND own.is_own) AS fee_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'POSTED' AND own.is_own) AS posted_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'SETTLED' AND own.is_own) AS settled_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'PAID_OUT' AND own.is_own) AS paid_out_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'WRITTEN_OFF' AND own.is_own)
            AS written_off_minor,
        sum(own.quantity) FILTER (WHERE own.kind = 'SHIPPED') AS shipped_quantity,
        sum(own.quantity) FILTER (WHERE own.kind = 'RETURNED') AS returned_quantity,
        min(own.occurred_at) FILTER (WHERE own.kind = 'ORDERED') AS placed_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'CONFIRMED') AS confirmed_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'CANCELLED') AS cancelled_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'INVOICED') AS invoiced_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'PAID') AS paid_at,
        max(own.occurred_at) FILTER (WHERE own.kind = 'PAYMENT_FAILED') AS payment_failed_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'REFUNDED') AS refunded_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'SETTLED') AS settled_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'PAID_OUT') AS paid_out_at,
        max(own.occurred_at) FILTER (WHERE own.kind = 'SHIPPED') AS shipped_at,
        max(own.occurred_at) FILTER (WHERE own.kind = 'DELIVERED') AS delivered_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'RETURNED') AS returned_at,
        max(own.occurred_at) FILTER (WHERE own.kind = 'DEACTIVATED') AS deactivated_at,
        max(own.occurred_at) AS last_fact_at
    FROM own
    GROUP BY own.order_id
),
-- Active since the first activation after the last deactivation.
active AS MATERIALIZED (
    SELECT
        own.order_id, min(own.occurred_at) AS activated_at
    FROM own
    JOIN sums ON sums.order_id = own.order_id
    WHERE
        own.kind = 'ACTIVATED'
        AND (sums.deactivated_at IS NULL OR own.occurred_at > sums.deactivated_at)
    GROUP BY own.order_id
)
SELECT
    scope.order_id,
    0 AS part_count,
    COALESCE(NULLIF(ordered.currency, ''), orders.currency) AS currency,
    COALESCE(ordered.ordered_minor, 0) AS ordered_minor,
    COALESCE(sums.invoiced_minor, 0) AS invoiced_minor,
    COALESCE(sums.credited_minor, 0) AS credited_minor,
    COALESCE(sums.authorised_minor, 0) AS authorised_minor,
    COALESCE(sums.paid_minor, 0) AS paid_minor,
    COALESCE(sums.refunded_minor, 0) AS refunded_minor,
    COALESCE(sums.disputed_minor, 0) AS disputed_minor,
    COALESCE(sums.fee_minor, 0) AS fee_minor,
    COALESCE(sums.posted_minor, 0) AS posted_minor,
    COALESCE(sums.settled_minor, 0) AS settled_minor,
    COALESCE(sums.paid_out_minor, 0) AS paid_out_minor,
    COALESCE(sums.written_off_minor, 0) AS written_off_minor,
    COALESCE(lines.to_ship_quantity, 0) AS to_ship_quantity,
    COALESCE(lines.to_activate_quantity, 0) AS to_activate_quantity,
    COALESCE(lines.unshipped_quantity, 0) AS unshipped_quantity,
    COALESCE(sums.shipped_quantity, 0) AS shipped_quantity,
    COALESCE(delivered.quantity, 0) AS delivered_quantity,
    COALESCE(sums.returned_quantity, 0) AS returned_quantity,
    CASE
        WHEN marks.is_recorded_whole THEN COALESCE(lines.quantity, 0)
        ELSE COALESCE(marks.recorded_quantity, 0)
    END AS recorded_quantity,
    active.activated_at IS NOT NULL AS is_active,
    sums.placed_at,
    sums.confirmed_at,
    sums.cancelled_at,
    -- An invoice wholly credited or voided is as good as none.
    CASE
        WHEN sums.invoiced_minor > COALESCE(sums.credited_minor, 0) THEN sums.invoiced_at
    END AS invoiced_at,
    sums.paid_at,
    sums.payment_failed_at,
    sums.refunded_at,
    marks.posted_at,
    sums.settled_at,
    sums.paid_out_at,
    -- Shipped and delivered are said of the whole, once the last piece is.
    CASE WHEN COALESCE(lines.unshipped_quantity, 0) = 0 THEN sums.shipped_at END AS shipped_at,
    CASE
        WHEN COALESCE(delivered.quantity, 0) >= COALESCE(lines.to_ship_quantity, 0)
        THEN sums.delivered_at
    END AS delivered_at,
    sums.returned_at,
    marks.recorded_at,
    active.activated_at,
    sums.deactivated_at,
    sums.last_fact_at
FROM scope
JOIN reconciliation_order AS orders ON orders.id = scope.order_id
LEFT JOIN ordered ON ordered.order_id = scope.order_id
LEFT JOIN marks ON marks.order_id = scope.order_id
LEFT JOIN lines ON lines.order_id = scope.order_id
LEFT JOIN delivered ON delivered.order_id = scope.order_id
LEFT JOIN sums ON sums.order_id = scope.order_id
LEFT JOIN active ON active.order_id = scope.order_id

-- Every order's totals and milestones, from nothing but its entries and lines: a function of the
-- set of facts, whatever order they came in.
--
-- scope gives order_id and currency of the orders asked for; counted, ordered are files beside this;
-- so is converted_too, which stands for conversions where foreign amounts are to be converted.
-- gives: order_id and one column for each of reconciliation.ledger.COLUMNS; has_foreign – whether
--        anything is in a currency that is not the order's
WITH scope AS MATERIALIZED (
    {scope}
),
counted AS MATERIALIZED (
    {counted}
),
stated AS (
    {ordered}
),
believed AS (
    SELECT
        stated.*,
        COALESCE(
            NULLIF(max(stated.currency) FILTER (WHERE stated.is_believed) OVER of_order, ''),
            stated.order_currency
        ) AS own_currency,
        -- A reference taken back cancels every entry under it, early or late.
        array_agg(concat(stated.kind, ' ', stated.reference)) FILTER (
            WHERE
                stated.kind IN ('POSTED', 'FULFILMENT_RECORDED')
                AND (stated.amount_minor < 0 OR stated.quantity < 0)
        ) OVER of_order AS taken_back,
        max(stated.occurred_at) FILTER (WHERE stated.kind = 'DEACTIVATED')
            OVER of_order AS last_deactivated_at,
        array_agg(stated.reference) FILTER (WHERE stated.kind = 'SETTLED') OVER of_order AS settled
    FROM stated
    WINDOW of_order AS (PARTITION BY stated.order_id)
),
own AS (
    SELECT
        believed.*,
        believed.currency IN ('', believed.own_currency) AS is_own,
        believed.taken_back IS NULL
        OR concat(believed.kind, ' ', believed.reference) <> ALL (believed.taken_back) AS stands
    FROM believed
),
{conversions}
sums AS (
    SELECT
        own.order_id,
        max(own.own_currency) AS currency,
        COALESCE(bool_or(own.currency NOT IN ('', own.own_currency)) FILTER (
            WHERE own.kind IS NOT NULL
        ), FALSE) AS has_foreign,
        sum(own.amount_minor) FILTER (WHERE own.is_believed) AS ordered_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'INVOICED' AND own.is_own) AS invoiced_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'CREDITED' AND own.is_own) AS credited_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'AUTHORISED' AND own.is_own)
            AS authorised_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'PAID' AND own.is_own) AS paid_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'REFUNDED' AND own.is_own) AS refunded_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'DISPUTED' AND own.is_own) AS disputed_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'FEE' AND own.is_own) AS fee_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'POSTED' AND own.is_own) AS posted_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'SETTLED_GROSS' AND own.is_own)
            AS settled_gross_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'SETTLED' AND own.is_own) AS settled_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'PAID_OUT' AND own.is_own) AS paid_out_minor,
        sum(own.amount_minor) FILTER (WHERE own.kind = 'WRITTEN_OFF' AND own.is_own)
            AS written_off_minor,
        sum(own.quantity) FILTER (WHERE own.kind = 'SHIPPED') AS shipped_quantity,
        sum(own.quantity) FILTER (WHERE own.kind = 'RETURNED') AS returned_quantity,
        sum(own.quantity)
            FILTER (WHERE own.kind = 'FULFILMENT_RECORDED' AND own.stands AND own.line <> '')
            AS recorded_quantity,
        bool_or(own.kind = 'FULFILMENT_RECORDED' AND own.stands AND own.line = '')
            AS is_recorded_whole,
        min(own.occurred_at) FILTER (WHERE own.kind = 'ORDERED') AS placed_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'CONFIRMED') AS confirmed_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'CANCELLED') AS cancelled_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'INVOICED') AS invoiced_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'PAID') AS paid_at,
        max(own.occurred_at) FILTER (WHERE own.kind = 'PAYMENT_FAILED') AS payment_failed_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'REFUNDED') AS refunded_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'POSTED' AND own.stands) AS posted_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'SETTLED') AS settled_at,
        -- What was announced and is not final.
        min(own.occurred_at) FILTER (
            WHERE
                own.kind = 'SETTLING'
                AND (own.settled IS NULL OR own.reference <> ALL (own.settled))
        ) AS settling_since_at,
        min(own.occurred_at) FILTER (
            WHERE NOT own.is_own AND own.kind IN ('PAID', 'REFUNDED', 'SETTLED')
        ) AS unconverted_since_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'PAID_OUT') AS paid_out_at,
        max(own.occurred_at) FILTER (WHERE own.kind = 'SHIPPED') AS shipped_at,
        max(own.occurred_at) FILTER (WHERE own.kind = 'DELIVERED') AS delivered_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'RETURNED') AS returned_at,
        min(own.occurred_at) FILTER (WHERE own.kind = 'FULFILMENT_RECORDED' AND own.stands)
            AS recorded_at,
        -- Active since the first activation after the last deactivation.
        min(own.occurred_at) FILTER (
            WHERE
                own.kind = 'ACTIVATED'
                AND (own.last_deactivated_at IS NULL OR own.occurred_at > own.last_deactivated_at)
        ) AS activated_at,
        max(own.last_deactivated_at) AS deactivated_at,
        max(own.occurred_at) FILTER (WHERE own.kind IS NOT NULL) AS last_fact_at,
        array_agg(own.kind) FILTER (WHERE own.kind IN ('SHIPPED', 'DELIVERED')) AS parcel_kinds,
        array_agg(own.line) FILTER (WHERE own.kind IN ('SHIPPED', 'DELIVERED')) AS parcel_lines,
        array_agg(own.quantity) FILTER (WHERE own.kind IN ('SHIPPED', 'DELIVERED'))
            AS parcel_quantities,
        array_agg(own.reference) FILTER (WHERE own.kind IN ('SHIPPED', 'DELIVERED')) AS parcels
    FROM {valued} AS own
    GROUP BY own.order_id
)
SELECT
    sums.order_id,
    sums.has_foreign,
    0 AS part_count,
    sums.currency,
    COALESCE(sums.ordered_minor, 0) AS ordered_minor,
    COALESCE(sums.invoiced_minor, 0) AS invoiced_minor,
    COALESCE(sums.credited_minor, 0) AS credited_minor,
    COALESCE(sums.authorised_minor, 0) AS authorised_minor,
    COALESCE(sums.paid_minor, 0) AS paid_minor,
    COALESCE(sums.refunded_minor, 0) AS refunded_minor,
    COALESCE(sums.disputed_minor, 0) AS disputed_minor,
    COALESCE(sums.fee_minor, 0) AS fee_minor,
    COALESCE(sums.posted_minor, 0) AS posted_minor,
    COALESCE(sums.settled_gross_minor, 0) AS settled_gross_minor,
    COALESCE(sums.settled_minor, 0) AS settled_minor,
    COALESCE(sums.paid_out_minor, 0) AS paid_out_minor,
    COALESCE(sums.written_off_minor, 0) AS written_off_minor,
    COALESCE(lines.to_ship_quantity, 0) AS to_ship_quantity,
    COALESCE(lines.to_activate_quantity, 0) AS to_activate_quantity,
    COALESCE(lines.unshipped_quantity, 0) AS unshipped_quantity,
    COALESCE(sums.shipped_quantity, 0) AS shipped_quantity,
    delivered.quantity AS delivered_quantity,
    COALESCE(sums.returned_quantity, 0) AS returned_quantity,
    CASE
        WHEN sums.is_recorded_whole THEN COALESCE(lines.quantity, 0)
        ELSE COALESCE(sums.recorded_quantity, 0)
    END AS recorded_quantity,
    sums.activated_at IS NOT NULL AS is_active,
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
    sums.posted_at,
    sums.settled_at,
    sums.settling_since_at,
    sums.unconverted_since_at,
    sums.paid_out_at,
    -- Shipped and delivered are said of the whole, once the last piece is.
    CASE WHEN COALESCE(lines.unshipped_quantity, 0) = 0 THEN sums.shipped_at END AS shipped_at,
    CASE
        WHEN delivered.quantity >= COALESCE(lines.to_ship_quantity, 0)
        THEN sums.delivered_at
    END AS delivered_at,
    sums.returned_at,
    sums.recorded_at,
    sums.activated_at,
    sums.deactivated_at,
    sums.last_fact_at
FROM sums
CROSS JOIN LATERAL (
    SELECT
        sum(lines.quantity) AS quantity,
        sum(lines.quantity) FILTER (WHERE lines.fulfil = 'SHIP') AS to_ship_quantity,
        sum(lines.quantity) FILTER (WHERE lines.fulfil = 'ACTIVATE') AS to_activate_quantity,
        sum(
            CASE
                WHEN sums.parcels IS NULL THEN lines.quantity
                ELSE GREATEST(lines.quantity - (
                    SELECT
                        COALESCE(sum(pieces.quantity), 0)
                    FROM unnest(sums.parcel_kinds, sums.parcel_lines, sums.parcel_quantities)
                        AS pieces (kind, line, quantity)
                    WHERE pieces.kind = 'SHIPPED' AND pieces.line = lines.line
                ), 0)
            END
        ) FILTER (WHERE lines.fulfil = 'SHIP') AS unshipped_quantity
    FROM reconciliation_orderline AS lines
    WHERE lines.order_id = sums.order_id
) AS lines
-- A parcel delivered as a whole delivers what was shipped in it, whatever was told of its parts.
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN sums.parcels IS NULL THEN 0
            ELSE (
                SELECT
                    sum(
                        CASE
                            WHEN parcels.is_whole THEN GREATEST(parcels.delivered, parcels.shipped)
                            ELSE parcels.delivered
                        END
                    )
                FROM (
                    SELECT
                        COALESCE(sum(pieces.quantity) FILTER (WHERE pieces.kind = 'DELIVERED'), 0)
                            AS delivered,
                        COALESCE(sum(pieces.quantity) FILTER (WHERE pieces.kind = 'SHIPPED'), 0)
                            AS shipped,
                        bool_or(pieces.kind = 'DELIVERED' AND pieces.line = '') AS is_whole
                    FROM unnest(
                        sums.parcel_kinds, sums.parcel_lines, sums.parcel_quantities, sums.parcels
                    ) AS pieces (kind, line, quantity, parcel)
                    GROUP BY pieces.parcel
                ) AS parcels
            )
        END AS quantity
) AS delivered

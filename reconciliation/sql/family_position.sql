-- The totals and milestones of wholes and their sub-orders, from nothing but their facts.
--
-- Each begins with its own (position.sql over family_counted.sql). A part is confirmed, cancelled,
-- invoiced and marked as its whole is, where nothing was said of the part itself. A whole is as far
-- as its parts that are not cancelled together, and what of it is in no part; with nothing but
-- cancelled parts it is cancelled. Money stays where it was told: on the whole it is the whole's.
--
-- members gives order_id and whole_id (family_members.sql); position is a file beside this
-- gives:  order_id and one column for each of reconciliation.ledger.COLUMNS
WITH members AS MATERIALIZED (
    {members}
),
positions AS MATERIALIZED (
    SELECT
        members.whole_id,
        members.order_id <> members.whole_id AS is_part,
        told.*
    FROM (
        {position}
    ) AS told
    JOIN members ON members.order_id = told.order_id
),
-- One row a whole: its parts added up, most of it of those alone that are open.
parts AS MATERIALIZED (
    SELECT
        positions.whole_id,
        count(*) AS part_count,
        bool_and(positions.cancelled_at IS NOT NULL) AS are_cancelled,
        sum(positions.to_ship_quantity) AS ever_to_ship,
        sum(positions.to_activate_quantity) AS ever_to_activate,
        COALESCE(sum(positions.to_ship_quantity) FILTER (WHERE open.is_open), 0) AS to_ship,
        COALESCE(sum(positions.unshipped_quantity) FILTER (WHERE open.is_open), 0) AS unshipped,
        COALESCE(sum(positions.to_activate_quantity) FILTER (WHERE open.is_open), 0)
            AS to_activate,
        COALESCE(sum(positions.shipped_quantity) FILTER (WHERE open.is_open), 0) AS shipped,
        COALESCE(sum(positions.delivered_quantity) FILTER (WHERE open.is_open), 0) AS delivered,
        COALESCE(sum(positions.returned_quantity) FILTER (WHERE open.is_open), 0) AS returned,
        COALESCE(sum(positions.recorded_quantity) FILTER (WHERE open.is_open), 0) AS recorded,
        COALESCE(bool_and(positions.is_active OR positions.to_activate_quantity = 0)
            FILTER (WHERE open.is_open), FALSE) AS are_active,
        COALESCE(bool_and(positions.recorded_at IS NOT NULL)
            FILTER (WHERE open.is_open), FALSE) AS are_recorded,
        sum(positions.paid_out_minor) AS paid_out_minor,
        min(positions.paid_out_at) AS paid_out_at,
        max(positions.cancelled_at) AS cancelled_at,
        max(positions.shipped_at) FILTER (WHERE open.is_open) AS shipped_at,
        max(positions.delivered_at) FILTER (WHERE open.is_open) AS delivered_at,
        min(positions.returned_at) FILTER (WHERE open.is_open) AS returned_at,
        max(positions.recorded_at) FILTER (WHERE open.is_open) AS recorded_at,
        max(positions.activated_at) FILTER (WHERE open.is_open) AS activated_at,
        max(positions.last_fact_at) AS last_fact_at
    FROM positions
    CROSS JOIN LATERAL (SELECT positions.cancelled_at IS NULL AS is_open) AS open
    WHERE positions.is_part
    GROUP BY positions.whole_id
),
-- What of each whole is in no part, and what follows for the whole.
wholes AS MATERIALIZED (
    SELECT
        wholes.*,
        parts.part_count AS all_parts,
        remains.to_ship + parts.to_ship AS all_to_ship,
        GREATEST(remains.to_ship + parts.unshipped - wholes.shipped_quantity, 0) AS all_unshipped,
        remains.to_activate + parts.to_activate AS all_to_activate,
        wholes.delivered_quantity + parts.delivered AS all_delivered,
        CASE
            WHEN parts.are_cancelled AND remains.to_ship + remains.to_activate = 0
                THEN parts.cancelled_at
        END AS all_cancelled_at,
        parts.to_activate > 0 AND parts.are_active AND remains.to_activate = 0 AS are_active,
        wholes.recorded_quantity > 0
            AND wholes.recorded_quantity >= wholes.to_ship_quantity + wholes.to_activate_quantity
            AS is_recorded_whole,
        COALESCE(
            wholes.confirmed_at,
            CASE
                WHEN
                    wholes.ordered_minor > 0
                    AND GREATEST(wholes.paid_minor, wholes.authorised_minor) >= wholes.ordered_minor
                    THEN COALESCE(wholes.paid_at, wholes.placed_at)
            END
        ) AS believed_at
    FROM positions AS wholes
    JOIN parts ON parts.whole_id = wholes.order_id
    CROSS JOIN LATERAL (
        SELECT
            GREATEST(wholes.to_ship_quantity - parts.ever_to_ship, 0) AS to_ship,
            GREATEST(wholes.to_activate_quantity - parts.ever_to_activate, 0) AS to_activate
    ) AS remains
)
SELECT
    own.order_id,
    0 AS part_count,
    own.currency, own.ordered_minor, own.invoiced_minor, own.credited_minor, own.authorised_minor,
    own.paid_minor, own.refunded_minor, own.disputed_minor, own.fee_minor, own.posted_minor,
    own.settled_gross_minor, own.settled_minor, own.paid_out_minor, own.written_off_minor,
    own.to_ship_quantity, own.to_activate_quantity, own.unshipped_quantity, own.shipped_quantity,
    own.delivered_quantity, own.returned_quantity,
    CASE
        WHEN own.recorded_quantity = 0 AND wholes.is_recorded_whole
            THEN own.to_ship_quantity + own.to_activate_quantity
        ELSE own.recorded_quantity
    END AS recorded_quantity,
    own.is_active OR wholes.is_active AS is_active,
    own.placed_at,
    COALESCE(own.confirmed_at, wholes.believed_at) AS confirmed_at,
    COALESCE(own.cancelled_at, wholes.cancelled_at) AS cancelled_at,
    COALESCE(own.invoiced_at, wholes.invoiced_at) AS invoiced_at,
    own.paid_at, own.payment_failed_at, own.refunded_at, own.posted_at, own.settled_at,
    own.settling_since_at, own.unconverted_since_at, own.paid_out_at, own.shipped_at, own.delivered_at, own.returned_at,
    CASE
        WHEN own.recorded_quantity = 0 AND wholes.is_recorded_whole THEN wholes.recorded_at
        ELSE own.recorded_at
    END AS recorded_at,
    COALESCE(own.activated_at, wholes.activated_at) AS activated_at,
    own.deactivated_at,
    own.last_fact_at
FROM positions AS own
JOIN wholes ON wholes.order_id = own.whole_id
WHERE own.is_part
UNION ALL
SELECT
    own.order_id,
    own.all_parts,
    own.currency, own.ordered_minor, own.invoiced_minor, own.credited_minor, own.authorised_minor,
    own.paid_minor, own.refunded_minor, own.disputed_minor, own.fee_minor, own.posted_minor,
    own.settled_gross_minor, own.settled_minor, own.paid_out_minor + parts.paid_out_minor,
    own.written_off_minor,
    own.all_to_ship, own.all_to_activate, own.all_unshipped, own.shipped_quantity + parts.shipped,
    own.all_delivered, own.returned_quantity + parts.returned,
    own.recorded_quantity + parts.recorded,
    own.is_active OR own.are_active,
    own.placed_at,
    own.confirmed_at,
    COALESCE(own.cancelled_at, own.all_cancelled_at),
    own.invoiced_at,
    own.paid_at, own.payment_failed_at, own.refunded_at, own.posted_at, own.settled_at,
    own.settling_since_at, own.unconverted_since_at,
    LEAST(own.paid_out_at, parts.paid_out_at),
    CASE WHEN own.all_unshipped = 0 THEN GREATEST(own.shipped_at, parts.shipped_at) END,
    CASE
        WHEN own.all_delivered >= own.all_to_ship
            THEN GREATEST(own.delivered_at, parts.delivered_at)
    END,
    LEAST(own.returned_at, parts.returned_at),
    COALESCE(own.recorded_at, CASE WHEN parts.are_recorded THEN parts.recorded_at END),
    COALESCE(own.activated_at, CASE WHEN own.are_active THEN parts.activated_at END),
    own.deactivated_at,
    GREATEST(own.last_fact_at, parts.last_fact_at)
FROM wholes AS own
JOIN parts ON parts.whole_id = own.order_id

-- The entries of families, each on the order that it is about: what was told of the
-- whole counts for the sub-order whose line or seller it names, whether it was told before the
-- split was known or after. Reads the CTE `members` (order_id, whole_id, currency); counted is a
-- file beside.
--
-- gives: as counted.sql
WITH told AS MATERIALIZED (
    WITH scope AS (SELECT members.order_id, members.currency FROM members)
    {counted}
),
-- The lines of wholes that one part alone has, under the same name and for the same article.
shared AS MATERIALIZED (
    SELECT
        members.whole_id,
        lines.line,
        min(lines.order_id) AS order_id,
        min(members.currency) AS currency
    FROM members
    JOIN reconciliation_orderline AS lines ON lines.order_id = members.order_id
    JOIN reconciliation_orderline AS original
        ON original.order_id = members.whole_id
        AND original.line = lines.line
        AND original.sku = lines.sku
    WHERE members.order_id <> members.whole_id
    GROUP BY members.whole_id, lines.line
    HAVING count(*) = 1
),
-- The sellers of wholes that have one part alone.
sellers AS MATERIALIZED (
    SELECT
        members.whole_id,
        details.seller,
        min(members.order_id) AS order_id,
        min(members.currency) AS currency
    FROM members
    JOIN reconciliation_orderdetail AS details ON details.order_id = members.order_id
    WHERE members.order_id <> members.whole_id AND details.seller <> ''
    GROUP BY members.whole_id, details.seller
    HAVING count(*) = 1
),
placed AS MATERIALIZED (
    SELECT
        COALESCE(shared.order_id, sellers.order_id, told.order_id) AS order_id,
        told.order_id AS told_of,
        COALESCE(shared.currency, sellers.currency, told.order_currency) AS order_currency,
        told.event_id, told.kind, told.line, told.amount_minor, told.currency, told.quantity,
        told.reference, told.occurred_at, told.statements
    FROM told
    LEFT JOIN shared
        ON shared.whole_id = told.order_id
        AND shared.line = told.line
        AND told.kind IN ('SHIPPED', 'DELIVERED', 'RETURNED', 'FULFILMENT_RECORDED')
    LEFT JOIN reconciliation_event AS payouts
        ON payouts.id = told.event_id AND told.kind = 'PAID_OUT'
    LEFT JOIN sellers
        ON sellers.whole_id = told.order_id AND sellers.seller = payouts.data ->> 'seller'
)
SELECT
    placed.order_id, placed.order_currency, placed.event_id, placed.kind, placed.line,
    placed.amount_minor, placed.currency, placed.quantity, placed.reference, placed.occurred_at,
    placed.statements
FROM placed
UNION ALL
-- A parcel delivered as a whole delivers what was in it of each part.
SELECT DISTINCT
    shipped.order_id, shipped.order_currency, parcels.event_id, parcels.kind, parcels.line,
    parcels.amount_minor, parcels.currency, parcels.quantity, parcels.reference,
    parcels.occurred_at, parcels.statements
FROM placed AS parcels
JOIN placed AS shipped
    ON shipped.told_of = parcels.told_of
    AND shipped.reference = parcels.reference
    AND shipped.kind = 'SHIPPED'
    AND shipped.order_id <> parcels.order_id
WHERE parcels.kind = 'DELIVERED' AND parcels.line = ''
UNION ALL
-- One row of each, also where all that was told of it is on another.
SELECT
    members.order_id, members.currency, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM members

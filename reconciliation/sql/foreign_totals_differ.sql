-- Orders whose totals in other currencies are not what their entries come to.
--
-- scope gives order_id of the orders asked for; foreign_totals is a file beside this, whose scope is
-- the CTE `asked`.
-- gives: order_id
WITH asked AS MATERIALIZED (
    SELECT orders.id AS order_id, orders.currency
    FROM ({scope}) AS chosen
    JOIN reconciliation_order AS orders ON orders.id = chosen.order_id
),
computed AS MATERIALIZED (
    {foreign_totals}
),
held AS MATERIALIZED (
    SELECT
        totals.order_id, totals.kind, totals.currency, totals.amount_minor, totals.own_minor
    FROM reconciliation_ordertotal AS totals
    WHERE totals.order_id IN (SELECT asked.order_id FROM asked)
)
(SELECT differing.order_id FROM (TABLE computed EXCEPT TABLE held) AS differing)
UNION
(SELECT differing.order_id FROM (TABLE held EXCEPT TABLE computed) AS differing)

-- Writes the totals of orders in currencies that are not theirs.
--
-- scope gives order_id of the orders asked for; counted is a file beside this
INSERT INTO reconciliation_ordertotal (order_id, kind, currency, amount_minor)
WITH scope AS MATERIALIZED (
    {scope}
),
counted AS MATERIALIZED (
    {counted}
)
SELECT
    counted.order_id, counted.kind, counted.currency, sum(counted.amount_minor)
FROM counted
JOIN reconciliation_order AS orders ON orders.id = counted.order_id
WHERE counted.currency NOT IN ('', orders.currency)
GROUP BY counted.order_id, counted.kind, counted.currency

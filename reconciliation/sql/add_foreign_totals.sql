-- Writes the totals of orders in currencies that are not theirs.
--
-- scope gives order_id and currency of the orders asked for; counted is a file beside this
INSERT INTO reconciliation_ordertotal (order_id, kind, currency, amount_minor)
WITH scope AS MATERIALIZED (
    {scope}
),
counted AS (
    {counted}
)
SELECT
    counted.order_id, counted.kind, counted.currency, sum(counted.amount_minor)
FROM counted
WHERE counted.kind IS NOT NULL AND counted.currency NOT IN ('', counted.order_currency)
GROUP BY counted.order_id, counted.kind, counted.currency

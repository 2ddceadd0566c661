-- The totals of orders in currencies that are not theirs, each also in the order's currency where the
-- rate of all of it is known.
--
-- scope gives order_id and currency of the orders asked for; counted, foreign_own, converted are
-- files beside this.
-- gives: order_id, kind, currency, amount_minor, own_minor
WITH scope AS MATERIALIZED (
    {scope}
),
counted AS (
    {counted}
),
own AS (
    {foreign_own}
),
converted AS (
    {converted}
)
SELECT
    converted.order_id,
    converted.kind,
    converted.currency,
    sum(converted.foreign_minor)::bigint AS amount_minor,
    CASE WHEN bool_and(converted.is_own) THEN sum(converted.amount_minor)::bigint END AS own_minor
FROM converted
GROUP BY converted.order_id, converted.kind, converted.currency

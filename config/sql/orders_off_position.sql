-- Orders whose totals, in any currency, or milestones are not what their entries and lines add up
-- to.
--
-- params: low, high bigint   the orders to look at: low < id <= high
-- gives:  subject; one row an order
WITH positions AS MATERIALIZED (
    {position}
)
SELECT orders.canonical_id AS subject
FROM positions
JOIN reconciliation_order AS orders ON orders.id = positions.order_id
WHERE
    {differs}
    OR orders.id IN (
        {foreign}
    )

-- Orders that moved and whose newest history row tells of another state or version.
--
-- params: low, high bigint   the orders to look at: low < id <= high
-- gives:  subject; one row an order
SELECT orders.canonical_id AS subject
FROM reconciliation_order AS orders
LEFT JOIN LATERAL (
    SELECT history.state, history.version
    FROM reconciliation_historicalorder AS history
    WHERE history.id = orders.id
    ORDER BY history.version DESC, history.history_id DESC
    LIMIT 1
) AS newest ON TRUE
WHERE
    orders.id > %(low)s
    AND orders.id <= %(high)s
    AND orders.version > 0
    AND (newest.state, newest.version) IS DISTINCT FROM (orders.state, orders.version)

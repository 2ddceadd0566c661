-- Writes the verdicts that changed on their orders; the state machine has written those that moved.
UPDATE reconciliation_order AS orders
SET
    verdict = found.verdict,
    is_closable = found.is_closable
FROM pass_verdict AS found
WHERE
    orders.id = found.order_id
    AND (orders.verdict, orders.is_closable) IS DISTINCT FROM (found.verdict, found.is_closable)

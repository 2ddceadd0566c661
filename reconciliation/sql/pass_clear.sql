-- Clears what holds again, was waived, or applies no more. What waits, or is not judged while
-- something under it is broken, has not been seen to hold and stays open; so does everything of
-- an order that a write-back is under way for. What another stage has found is not ours to clear.
--
-- params: at            timestamptz
--         stage_checks  text[]
WITH cleared AS (
    UPDATE reconciliation_discrepancy AS discrepancies
    SET cleared_at = %(at)s
    FROM pass_order AS orders
    WHERE
        discrepancies.order_id = orders.id
        AND discrepancies.cleared_at IS NULL
        AND discrepancies.check_name <> ALL(%(stage_checks)s::text[])
        AND NOT EXISTS (
            SELECT
            FROM pass_judgement AS judged
            WHERE
                judged.order_id = discrepancies.order_id
                AND judged.check_name = discrepancies.check_name
                AND judged.verdict <> 'WAIVED'
        )
        AND NOT EXISTS (
            SELECT
            FROM reconciliation_writeback AS writebacks
            WHERE
                writebacks.order_id = discrepancies.order_id
                AND writebacks.state IN ('DUE', 'SENDING', 'UNKNOWN')
        )
    RETURNING
        discrepancies.id, discrepancies.order_id, discrepancies.check_name, discrepancies.details
)
INSERT INTO pass_news (order_id, action, check_name, discrepancy_id, details)
SELECT
    cleared.order_id,
    'discrepancy.cleared' AS action,
    cleared.check_name,
    cleared.id,
    cleared.details
FROM cleared

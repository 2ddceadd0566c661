-- Lets a whole wait for those of its sub-orders whose own checks do not hold yet, and has a whole
-- judged again where that has changed of one of its sub-orders.
--
-- params: at timestamptz
UPDATE pass_verdict AS found
SET
    verdict = 'WAITING',
    is_closable = FALSE
FROM (
    SELECT DISTINCT
        parts.parent_id
    FROM reconciliation_order AS parts
    LEFT JOIN pass_verdict AS told ON told.order_id = parts.id
    WHERE
        parts.parent_id = ANY(
            ARRAY(SELECT wholes.id FROM pass_order AS wholes WHERE wholes.part_count > 0)
        )
        AND parts.merged_into_id IS NULL
        AND COALESCE(told.verdict, parts.verdict) <> 'HOLDS'
) AS kept_back
WHERE found.order_id = kept_back.parent_id AND found.verdict = 'HOLDS';
INSERT INTO reconciliation_recheck AS known (order_id, due_at, reason)
SELECT DISTINCT
    parts.parent_id,
    %(at)s::timestamptz,
    'sub-order'
FROM pass_order AS parts
INNER JOIN pass_verdict AS found ON found.order_id = parts.id
WHERE
    parts.parent_id IS NOT NULL
    AND (parts.verdict = 'HOLDS') <> (found.verdict = 'HOLDS')
    AND NOT EXISTS (SELECT 1 FROM pass_order AS wholes WHERE wholes.id = parts.parent_id)
ORDER BY parts.parent_id
ON CONFLICT (order_id) DO UPDATE
SET due_at = LEAST(known.due_at, excluded.due_at)

-- Leaves unjudged what rests on a check that is itself broken or waiting, so that one cause makes
-- one discrepancy.
--
-- params: check_names  text[]  a check, once for each check it rests on, directly or not
--         foundations  text[]  what it rests on
UPDATE pass_judgement AS judged
SET verdict = 'NOT_JUDGED'
FROM unnest(%(check_names)s::text[], %(foundations)s::text[]) AS rests (check_name, foundation)
WHERE
    judged.check_name = rests.check_name
    AND judged.verdict IN ('BROKEN', 'WAITING')
    AND EXISTS (
        SELECT
        FROM pass_judgement AS bases
        WHERE
            bases.order_id = judged.order_id
            AND bases.check_name = rests.foundation
            AND bases.verdict IN ('BROKEN', 'WAITING')
    )

-- Runs one check over the batch and keeps what does not hold.
--
-- params: check_name  text
--         and those of the check's family
INSERT INTO pass_judgement (
    check_name, order_id, verdict, due_at, expected_minor, actual_minor, at_risk_minor, details
)
SELECT
    %(check_name)s,
    judged.order_id,
    judged.verdict,
    judged.due_at,
    judged.expected_minor,
    judged.actual_minor,
    judged.at_risk_minor,
    judged.details
FROM (
{query}
) AS judged
WHERE judged.verdict <> 'HOLDS'

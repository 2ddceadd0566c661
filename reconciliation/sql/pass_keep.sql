-- Sees again what is still broken, with the values it has now.
--
-- params: at  timestamptz
UPDATE reconciliation_discrepancy AS discrepancies
SET
    last_seen_at = GREATEST(discrepancies.last_seen_at, %(at)s),
    expected_minor = judged.expected_minor,
    actual_minor = judged.actual_minor,
    at_risk_minor = judged.at_risk_minor,
    details = judged.details
FROM pass_judgement AS judged
WHERE
    judged.verdict = 'BROKEN'
    AND discrepancies.order_id = judged.order_id
    AND discrepancies.check_name = judged.check_name
    AND discrepancies.cleared_at IS NULL

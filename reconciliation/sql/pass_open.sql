-- Opens what is broken and not open yet.
--
-- params: at                timestamptz
--         rulebook_version  integer
WITH opened AS (
    INSERT INTO reconciliation_discrepancy (
        check_name, rulebook_version, order_id, team_id, expected_minor, actual_minor,
        at_risk_minor, currency, details, opened_at, last_seen_at
    )
    SELECT
        judged.check_name,
        %(rulebook_version)s,
        judged.order_id,
        checks.team_id,
        judged.expected_minor,
        judged.actual_minor,
        judged.at_risk_minor,
        orders.currency,
        judged.details,
        %(at)s,
        %(at)s
    FROM pass_judgement AS judged
    INNER JOIN pass_check AS checks ON checks.check_name = judged.check_name
    INNER JOIN pass_order AS orders ON orders.id = judged.order_id
    WHERE
        judged.verdict = 'BROKEN'
        AND NOT EXISTS (
            SELECT
            FROM reconciliation_discrepancy AS known
            WHERE
                known.order_id = judged.order_id
                AND known.check_name = judged.check_name
                AND known.cleared_at IS NULL
        )
    RETURNING id, order_id, check_name, details
)
INSERT INTO pass_news (order_id, action, check_name, discrepancy_id, details)
SELECT
    opened.order_id,
    'discrepancy.opened' AS action,
    opened.check_name,
    opened.id,
    opened.details
FROM opened

-- Honours waivers whose values still stand, and lets the others lapse.
--
-- params: at  timestamptz
WITH lapsed AS (
    UPDATE reconciliation_waiver AS waivers
    SET lapsed_at = %(at)s
    FROM pass_judgement AS judged
    WHERE
        waivers.lapsed_at IS NULL
        AND judged.order_id = waivers.order_id
        AND judged.check_name = waivers.check_name
        AND judged.verdict = 'BROKEN'
        AND waivers.values_sha256
        <> encode(sha256(convert_to(judged.details::text, 'UTF8')), 'hex')
    RETURNING waivers.order_id, waivers.check_name, judged.details
)
INSERT INTO pass_news (order_id, action, check_name, details)
SELECT
    lapsed.order_id,
    'waiver.lapsed' AS action,
    lapsed.check_name,
    lapsed.details
FROM lapsed;
UPDATE pass_judgement AS judged
SET verdict = 'WAIVED'
FROM reconciliation_waiver AS waivers
WHERE
    waivers.lapsed_at IS NULL
    AND judged.order_id = waivers.order_id
    AND judged.check_name = waivers.check_name
    AND judged.verdict = 'BROKEN'

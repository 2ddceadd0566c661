-- The CTE `own` that converted.sql reads, of orders whose rows hold their currencies by now.
--
-- counted is a CTE
SELECT
    counted.*,
    counted.order_currency AS own_currency,
    counted.currency IN ('', counted.order_currency) AS is_own,
    FALSE AS is_believed,
    TRUE AS stands,
    NULL::timestamptz AS last_deactivated_at,
    NULL::text[] AS settled
FROM counted

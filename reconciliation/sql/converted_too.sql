-- The CTEs that put what foreign amounts come to in the place of these.
--
-- converted is a file beside this
converted AS MATERIALIZED (
    {converted}
),
valued AS (
    SELECT
        own.order_id, own.kind, own.line, own.amount_minor, own.quantity, own.currency,
        own.own_currency, own.reference, own.occurred_at, own.is_believed, own.is_own, own.stands,
        own.last_deactivated_at, own.settled
    FROM own
    WHERE own.is_own IS NOT FALSE OR own.kind IS NULL
    UNION ALL
    SELECT
        own.order_id, own.kind, own.line, own.amount_minor, own.quantity, own.currency,
        own.own_currency, own.reference, own.occurred_at, own.is_believed, own.is_own, own.stands,
        own.last_deactivated_at, own.settled
    FROM converted AS own
),

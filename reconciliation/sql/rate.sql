-- The rate at which one foreign amount of an order (the row `own`) counts in the order's currency:
-- that of the settlement that it is part of, of the payment that it is under, or of the order's first
-- settlement between the two currencies.
--
-- Every set is looked up by an order's or an entry's own key, never joined: see counted.sql.
-- gives: settlement_id, rate, is_from – whether the amount is in what the rate counts units of
SELECT
    settlements.id AS settlement_id,
    (settlements.data ->> 'rate')::numeric AS rate,
    settled.currency = own.currency AS is_from
FROM reconciliation_entry AS settled
CROSS JOIN LATERAL (
    SELECT events.id, events.data
    FROM reconciliation_event AS events
    WHERE events.id = settled.event_id AND events.type = 'settlement.finalised'
    OFFSET 0
) AS settlements
-- The payments that it is of tell between which currencies its rate is.
CROSS JOIN LATERAL (
    SELECT
        count(*) AS number,
        COALESCE(bool_or(taken.currency = own.own_currency), FALSE) AS has_own,
        COALESCE(
            bool_and(taken.currency = own.currency)
                FILTER (WHERE taken.currency <> own.own_currency),
            FALSE
        ) AS has_this
    FROM (
        SELECT COALESCE(NULLIF(paid.currency, ''), own.own_currency) AS currency
        FROM reconciliation_entry AS paid
        WHERE
            paid.order_id = own.order_id
            AND paid.kind = 'PAID'
            AND paid.reverses_id IS NULL
            AND (
                SELECT count(*) FROM reconciliation_entry AS reversals
                WHERE reversals.reverses_id = paid.id
            ) = 0
            AND (
                NOT settlements.data ? 'payment'
                OR settlements.data ->> 'payment' = paid.reference
            )
    ) AS taken
) AS covered
WHERE
    settled.order_id = own.order_id
    AND settled.kind = 'SETTLED'
    AND settled.reverses_id IS NULL
    AND (
        SELECT count(*) FROM reconciliation_entry AS reversals
        WHERE reversals.reverses_id = settled.id
    ) = 0
    AND settlements.data ->> 'rate' ~ '^[0-9]{{1,15}}(\.[0-9]{{1,24}})?$'
    AND settlements.data ->> 'rate' ~ '[1-9]'
    -- A settlement's own amounts are worth what it says itself, or nothing.
    AND (own.kind NOT IN ('SETTLED', 'SETTLED_GROSS') OR settlements.id = own.event_id)
    AND CASE
        WHEN settled.currency = own.currency THEN covered.number = 0 OR covered.has_own
        ELSE settled.currency = own.own_currency AND covered.has_this
    END
ORDER BY
    settlements.id = own.event_id DESC,
    settlements.data ->> 'payment' = own.reference DESC NULLS LAST,
    settled.occurred_at,
    settled.reference,
    (settlements.data ->> 'rate')::numeric
LIMIT 1

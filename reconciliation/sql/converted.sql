-- The foreign amounts of the CTE `own`, each in its order's currency where a settlement has stated the
-- rate, as it is where none has: then it is not the order's own.
--
-- What a settlement brought and its fee are parts of one whole, and so is all of a kind under one
-- rate: the whole is rounded, half up, and the parts by largest remainder, so that they add up.
--
-- rate is a file beside this; exponent_of_order and exponent_of_amount are the digits of the two
-- currencies by ISO 4217.
-- gives: as `own`, with foreign_minor – the amount as it was stated
SELECT
    parts.order_id, parts.event_id, parts.kind, parts.line, parts.quantity, parts.currency,
    parts.own_currency, parts.reference, parts.occurred_at, parts.is_believed, parts.stands,
    parts.last_deactivated_at, parts.settled, parts.amount_minor AS foreign_minor,
    COALESCE(
        -- Half of the divisor added before rounding down: that rounds half up.
        parts.floor + CASE
            WHEN parts.place <= floor_of_whole.value - parts.floors THEN 1
            ELSE 0
        END,
        parts.amount_minor
    )::bigint AS amount_minor,
    parts.settlement_id IS NOT NULL AS is_own
FROM (
    SELECT
        floored.*,
        sum(floored.dividend) OVER together AS total,
        sum(floored.floor) OVER together AS floors,
        row_number() OVER (
            together
            ORDER BY
                floored.dividend - floored.floor * floored.divisor DESC, floored.kind,
                floored.amount_minor, floored.reference, floored.occurred_at
        ) AS place
    FROM (
        SELECT
            scaled.*,
            div(scaled.dividend, scaled.divisor)
            - CASE WHEN mod(scaled.dividend, scaled.divisor) < 0 THEN 1 ELSE 0 END AS floor
        FROM (
            SELECT
                own.*,
                rates.settlement_id,
                CASE
                    WHEN own.kind = 'FEE' AND rates.settlement_id = own.event_id THEN 'SETTLED'
                    ELSE own.kind
                END AS bucket,
                own.amount_minor
                * 10::numeric ^ GREATEST(digits.more, 0)
                * CASE WHEN rates.is_from THEN 1 ELSE rates.rate END AS dividend,
                10::numeric ^ GREATEST(-digits.more, 0)
                * CASE WHEN rates.is_from THEN rates.rate ELSE 1 END AS divisor
            FROM own
            CROSS JOIN LATERAL (
                SELECT {exponent_of_order} - {exponent_of_amount} AS more
            ) AS digits
            LEFT JOIN LATERAL (
                {rate}
            ) AS rates ON TRUE
            WHERE own.kind IS NOT NULL AND NOT own.is_own
        ) AS scaled
    ) AS floored
    WINDOW together AS (
        PARTITION BY floored.order_id, floored.settlement_id, floored.currency, floored.bucket
    )
) AS parts
CROSS JOIN LATERAL (
    SELECT
        div(2 * parts.total + parts.divisor, 2 * parts.divisor)
        - CASE
            WHEN mod(2 * parts.total + parts.divisor, 2 * parts.divisor) < 0 THEN 1
            ELSE 0
        END AS value
) AS floor_of_whole

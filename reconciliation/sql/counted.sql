-- Every entry of the orders in the CTE `scope` (order_id, currency), and of an order without any one
-- row. What does not count has no kind: what was reversed, and the reversal.
--
-- The fee that a capture told of is an estimate until a settlement states it, whichever comes first:
-- the settlement of that payment, or one that names no payment, which is of all that was taken
-- before it.
--
-- Orders are looked up one by one (OFFSET 0 keeps them so) and what one entry must know of the others
-- of its order comes from windows. A join of sets is planned by statistics, which do not exist when
-- a company's first day is brought in, and takes a thousand times as long when they mislead.
--
-- gives: order_id, order_currency, event_id, kind, line, amount_minor, currency, quantity, reference,
--        occurred_at, statements – how many entries say what was ordered
SELECT
    told.order_id, told.order_currency, told.event_id, told.line, told.amount_minor, told.currency,
    told.quantity, told.reference, told.occurred_at, told.statements,
    CASE
        WHEN told.reverses_id IS NOT NULL OR told.id = ANY(told.reversed) THEN NULL
        WHEN told.kind <> 'FEE' OR NOT told.is_settled THEN told.kind
        WHEN EXISTS (
            SELECT 1
            FROM reconciliation_entry AS settled
            CROSS JOIN LATERAL (
                SELECT events.* FROM reconciliation_event AS events WHERE events.id = settled.event_id
                OFFSET 0
            ) AS settlements
            CROSS JOIN LATERAL (
                SELECT events.* FROM reconciliation_event AS events WHERE events.id = told.event_id
                OFFSET 0
            ) AS captures
            WHERE
                settled.order_id = told.order_id
                AND settled.kind = 'SETTLED'
                AND (settled.id = ANY(told.reversed)) IS NOT TRUE
                AND settlements.type = 'settlement.finalised'
                AND captures.type = 'payment.captured'
                AND CASE
                    WHEN settlements.data ? 'payment'
                    THEN settlements.data ->> 'payment' = told.reference
                    ELSE captures.occurred_at <= settlements.occurred_at
                END
        ) THEN NULL
        ELSE told.kind
    END AS kind
FROM (
    SELECT
        scope.order_id,
        scope.currency AS order_currency,
        entries.*,
        array_agg(entries.reverses_id) FILTER (WHERE entries.reverses_id IS NOT NULL)
            OVER of_order AS reversed,
        bool_or(entries.kind = 'SETTLED') OVER of_order AS is_settled,
        count(*) FILTER (WHERE entries.kind = 'ORDERED') OVER of_order AS statements
    FROM scope
    LEFT JOIN LATERAL (
        SELECT
            each.id, each.event_id, each.kind, each.line, each.amount_minor, each.currency,
            each.quantity, each.reference, each.occurred_at, each.reverses_id
        FROM reconciliation_entry AS each
        WHERE each.order_id = scope.order_id
        OFFSET 0
    ) AS entries ON TRUE
    WINDOW of_order AS (PARTITION BY scope.order_id)
) AS told

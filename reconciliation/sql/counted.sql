-- The entries that count: neither reversed nor a reversal. Reads the CTE `scope` (order_id).
--
-- The fee that a capture told of is an estimate until a settlement states it, whichever comes first:
-- the settlement of that payment, or one that names no payment, which is of all that was taken
-- before it.
SELECT
    entries.order_id, entries.event_id, entries.kind, entries.line, entries.amount_minor,
    entries.currency, entries.quantity, entries.reference, entries.occurred_at
FROM reconciliation_entry AS entries
JOIN scope ON scope.order_id = entries.order_id
WHERE
    entries.reverses_id IS NULL
    -- A reversal is on the order of what it reverses. Not NOT EXISTS: joined without statistics,
    -- that reads all entries there are, or compares each with each.
    AND entries.id NOT IN (
        SELECT reversals.reverses_id
        FROM scope
        JOIN reconciliation_entry AS reversals ON reversals.order_id = scope.order_id
        WHERE reversals.reverses_id IS NOT NULL
    )
    AND NOT (
        entries.kind = 'FEE'
        AND EXISTS (
            SELECT 1
            FROM reconciliation_entry AS settled
            JOIN reconciliation_event AS settlements ON settlements.id = settled.event_id
            JOIN reconciliation_event AS captures ON captures.id = entries.event_id
            WHERE
                settled.order_id = entries.order_id
                AND settled.kind = 'SETTLED'
                AND settlements.type = 'settlement.finalised'
                AND captures.type = 'payment.captured'
                AND CASE
                    WHEN settlements.data ? 'payment'
                    THEN settlements.data ->> 'payment' = entries.reference
                    ELSE captures.occurred_at <= settlements.occurred_at
                END
                AND NOT EXISTS (
                    SELECT 1
                    FROM reconciliation_entry AS reversals
                    WHERE reversals.reverses_id = settled.id
                )
        )
    )

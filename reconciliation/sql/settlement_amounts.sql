-- What settlements have said of an order, each amount also in the order's currency where a rate is
-- known.
--
-- scope gives order_id and currency of the order asked for; counted, foreign_own, converted are files
-- beside this.
-- gives: event_id, kind, reference, currency, amount_minor, own_minor, occurred_at
WITH scope AS MATERIALIZED (
    {scope}
),
counted AS (
    {counted}
),
own AS MATERIALIZED (
    {foreign_own}
),
converted AS (
    {converted}
)
SELECT
    told.event_id, told.kind, told.reference, told.currency, told.amount_minor, told.own_minor,
    told.occurred_at
FROM (
    SELECT
        own.event_id, own.kind, own.reference, own.own_currency AS currency, own.amount_minor,
        own.amount_minor AS own_minor, own.occurred_at
    FROM own
    WHERE own.is_own AND own.kind IS NOT NULL
    UNION ALL
    SELECT
        converted.event_id, converted.kind, converted.reference, converted.currency,
        converted.foreign_minor, CASE WHEN converted.is_own THEN converted.amount_minor END,
        converted.occurred_at
    FROM converted
) AS told
JOIN reconciliation_event AS events ON events.id = told.event_id
WHERE events.type IN ('settlement.pending', 'settlement.finalised')
ORDER BY told.occurred_at, told.reference, told.event_id, told.kind

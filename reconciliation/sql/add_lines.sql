-- Writes the lines that the believed statement of each order gives. Those before are gone.
--
-- params: order_ids bigint[]; counted, ordered are files beside this
INSERT INTO reconciliation_orderline (
    order_id, line, sku, description, quantity, unit_minor, fulfil
)
WITH scope AS MATERIALIZED (
    SELECT asked.order_id FROM unnest(%(order_ids)s::bigint[]) AS asked (order_id)
),
counted AS MATERIALIZED (
    {counted}
),
ordered AS MATERIALIZED (
    {ordered}
)
SELECT
    ordered.order_id,
    lines.line,
    left(COALESCE(lines.sku, ''), 64),
    left(COALESCE(lines.description, ''), 255),
    lines.quantity,
    COALESCE(lines.unit_minor, 0),
    upper(COALESCE(lines.fulfil, 'ship'))
FROM ordered
JOIN reconciliation_event AS events ON events.id = ordered.event_id
CROSS JOIN jsonb_to_recordset(events.data -> 'lines') AS lines (
    line text, sku text, description text, quantity integer, unit_minor bigint, fulfil text
)

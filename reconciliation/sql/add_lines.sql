-- Writes the lines that the believed statement of each order gives. Those before are gone.
--
-- params: order_ids bigint[]; scope, counted, ordered are files beside this
INSERT INTO reconciliation_orderline (
    order_id, line, sku, description, quantity, unit_minor, fulfil
)
WITH scope AS MATERIALIZED (
    {scope}
),
counted AS MATERIALIZED (
    {counted}
),
stated AS (
    {ordered}
)
SELECT
    stated.order_id,
    lines.line,
    left(COALESCE(lines.sku, ''), 64),
    left(COALESCE(lines.description, ''), 255),
    lines.quantity,
    COALESCE(lines.unit_minor, 0),
    upper(COALESCE(lines.fulfil, 'ship'))
FROM stated
CROSS JOIN LATERAL (
    SELECT
        each.*
    FROM reconciliation_event AS events
    CROSS JOIN jsonb_to_recordset(events.data -> 'lines') AS each (
        line text, sku text, description text, quantity integer, unit_minor bigint, fulfil text
    )
    WHERE events.id = stated.event_id AND stated.is_believed
    OFFSET 0
) AS lines

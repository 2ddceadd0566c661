-- Tells everything that replays compare of orders, as one JSON value an order. Runs over the
-- scratch copy, whichever side is in it.
--
-- params: order_ids bigint[]; counted is a file beside this, columns are those of a position
-- gives:  order_id, canonical_id, image jsonb
WITH scope AS MATERIALIZED (
    SELECT unnest(%(order_ids)s::bigint[]) AS order_id
),
counted AS MATERIALIZED (
    SELECT
        entries.*
    FROM reconciliation_entry AS entries
    JOIN scope ON scope.order_id = entries.order_id
    WHERE
        entries.reverses_id IS NULL
        AND NOT EXISTS (
            SELECT 1
            FROM reconciliation_entry AS reversals
            WHERE reversals.reverses_id = entries.id
        )
)
SELECT
    orders.id AS order_id,
    orders.canonical_id,
    jsonb_build_object(
        'state', orders.state,
        'verdict', orders.verdict,
        'merged_into', merged.canonical_id,
        'position', jsonb_build_object({columns}),
        'lines', (
            SELECT COALESCE(jsonb_agg(
                to_jsonb(lines) - ARRAY['id', 'order_id'] ORDER BY lines.line
            ), '[]')
            FROM reconciliation_orderline AS lines
            WHERE lines.order_id = orders.id
        ),
        'totals', (
            SELECT COALESCE(jsonb_agg(
                to_jsonb(totals) - ARRAY['id', 'order_id'] ORDER BY totals.kind, totals.currency
            ), '[]')
            FROM reconciliation_ordertotal AS totals
            WHERE totals.order_id = orders.id
        ),
        'entries', (
            SELECT COALESCE(jsonb_agg(
                to_jsonb(counted) - ARRAY['order_id', 'number', 'reverses_id'] ORDER BY counted.id
            ), '[]')
            FROM counted
            WHERE counted.order_id = orders.id
        ),
        'aliases', (
            SELECT COALESCE(jsonb_agg(jsonb_build_object(
                'id', aliases.id,
                'source_id', aliases.source_id,
                'kind', aliases.kind,
                'value', aliases.value,
                'event_id', aliases.event_id
            ) ORDER BY aliases.kind, aliases.value, aliases.source_id), '[]')
            FROM reconciliation_alias AS aliases
            WHERE aliases.order_id = orders.id
        )
    ) AS image
FROM scope
JOIN reconciliation_order AS orders ON orders.id = scope.order_id
LEFT JOIN reconciliation_order AS merged ON merged.id = orders.merged_into_id

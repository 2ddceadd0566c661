-- Orders that something without an order may belong to: those placed near it in time, and those
-- that go by a name like one of its own. Bounded by index ranges, never a pass over all orders.
--
-- params: around timestamptz      when it came; earliest, latest bound the looking
--         given text[]            names it may go by
--         amount_minor bigint, currency text   null and '' where it speaks of no money
--         except_id bigint        an order to leave out, or 0
--         near_limit, most integer
-- gives:  order_id, canonical_id, ordered_minor, unpaid_minor, currency, placed_at, customer_key,
--         names text[] – one row an order, the likelier first
WITH near AS MATERIALIZED (
    SELECT told.order_id
    FROM reconciliation_source AS sources
    CROSS JOIN LATERAL (
        (
            SELECT events.order_id
            FROM reconciliation_event AS events
            WHERE
                events.source_id = sources.id
                AND events.received_at BETWEEN %(earliest)s AND %(around)s
                AND events.type = 'order.created'
                AND events.order_id IS NOT NULL
            ORDER BY events.received_at DESC
            LIMIT %(near_limit)s
        )
        UNION ALL
        (
            SELECT events.order_id
            FROM reconciliation_event AS events
            WHERE
                events.source_id = sources.id
                AND events.received_at > %(around)s
                AND events.received_at <= %(latest)s
                AND events.type = 'order.created'
                AND events.order_id IS NOT NULL
            ORDER BY events.received_at
            LIMIT %(near_limit)s
        )
    ) AS told
),
named AS MATERIALIZED (
    SELECT aliases.order_id
    FROM reconciliation_alias AS aliases
    WHERE
        aliases.kind IN (
            'order', 'deal', 'lead', 'cart', 'payment', 'invoice', 'shipment', 'subscription'
        )
        AND aliases.value = ANY(%(given)s::text[])
    LIMIT %(near_limit)s
),
candidates AS MATERIALIZED (
    SELECT near.order_id, FALSE AS is_named FROM near
    UNION
    SELECT named.order_id, TRUE AS is_named FROM named
)
SELECT
    orders.id AS order_id,
    orders.canonical_id,
    orders.ordered_minor,
    orders.ordered_minor - orders.paid_minor AS unpaid_minor,
    orders.currency,
    orders.placed_at,
    COALESCE(details.customer_key, '') AS customer_key,
    ARRAY(
        SELECT aliases.value::text
        FROM reconciliation_alias AS aliases
        WHERE aliases.order_id = orders.id
        ORDER BY aliases.id
        LIMIT 20
    ) AS names
FROM (
    SELECT candidates.order_id, bool_or(candidates.is_named) AS is_named
    FROM candidates
    GROUP BY candidates.order_id
) AS found
JOIN reconciliation_order AS orders ON orders.id = found.order_id
LEFT JOIN reconciliation_orderdetail AS details ON details.order_id = orders.id
WHERE orders.merged_into_id IS NULL AND orders.id <> %(except_id)s
ORDER BY
    found.is_named DESC,
    (orders.currency = %(currency)s
        AND %(amount_minor)s::bigint IN (orders.ordered_minor, orders.ordered_minor - orders.paid_minor))
    IS TRUE DESC,
    abs(extract(epoch FROM orders.placed_at - %(around)s)) NULLS LAST,
    orders.id
LIMIT %(most)s

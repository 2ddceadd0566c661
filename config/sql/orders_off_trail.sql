-- Orders whose version is not the number of moves on their trail, or whose state is not where the
-- last of these moves led.
--
-- params: low, high bigint   the orders to look at: low < id <= high
-- gives:  subject; one row an order
SELECT orders.canonical_id AS subject
FROM reconciliation_order AS orders
LEFT JOIN LATERAL (
    SELECT
        count(*) AS number,
        (array_agg(events.to_state ORDER BY events.sequence DESC))[1] AS state
    FROM audit_auditevent AS events
    WHERE
        events.stream = 'order'
        AND events.subject_id = orders.id
        AND events.from_state <> ''
) AS moves ON TRUE
WHERE
    orders.id > %(low)s
    AND orders.id <= %(high)s
    AND (orders.version <> moves.number OR orders.state <> COALESCE(moves.state, 'CREATED'))

-- Orders as they stand, each with the event behind its move, or null.
--
-- params: order_ids bigint[], causes bigint[] of the same length
SELECT
    stored.*,
    pairs.cause,
    FALSE AS is_news
FROM unnest(%(order_ids)s::bigint[], %(causes)s::bigint[]) AS pairs (order_id, cause)
INNER JOIN reconciliation_order AS stored ON stored.id = pairs.order_id

-- The orders of a pass's batch, which holds their locks, with what it has judged of each.
SELECT
    {kept},
    found.verdict,
    found.is_closable,
    NULL::bigint AS cause,
    (found.verdict, found.is_closable)
    IS DISTINCT FROM (stored.verdict, stored.is_closable) AS is_news
FROM pass_order AS stored
INNER JOIN pass_verdict AS found ON found.order_id = stored.id

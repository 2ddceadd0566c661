-- Finds the one order that each asker means: by the first of its names, in rank order, that this
-- source has taught, or that any sources have taught for one order only.
--
-- params: keys, source_ids bigint[]; kinds, given text[]; ranks integer[] – one name a place
-- gives:  key, order_id – one row for each asker that is understood
SELECT DISTINCT ON (matches.key)
    matches.key,
    COALESCE(matches.own_id, matches.first_id) AS order_id
FROM (
    SELECT
        wanted.key,
        wanted.rank,
        wanted.kind,
        min(aliases.order_id) FILTER (WHERE aliases.source_id = wanted.source_id) AS own_id,
        min(aliases.order_id) AS first_id,
        max(aliases.order_id) AS last_id
    FROM unnest(
        %(keys)s::bigint[], %(source_ids)s::bigint[], %(kinds)s::text[], %(given)s::text[],
        %(ranks)s::integer[]
    ) AS wanted (key, source_id, kind, given, rank)
    JOIN reconciliation_alias AS aliases
        ON aliases.kind = wanted.kind AND aliases.value = wanted.given
    GROUP BY wanted.key, wanted.rank, wanted.kind, wanted.given
) AS matches
WHERE matches.own_id IS NOT NULL OR matches.first_id = matches.last_id
ORDER BY matches.key, matches.rank, matches.kind

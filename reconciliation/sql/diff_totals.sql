-- Control totals: how many records, and how much money, each side holds, by type and currency.
--
-- gives: type, currency, here, here_minor, there, there_minor – sums as text, for they may be long
SELECT
    found.type,
    COALESCE(found.there ->> 'currency', found.here ->> 'currency', '') AS currency,
    count(found.here) AS here,
    COALESCE(sum(COALESCE(
        (found.here ->> 'amount_minor')::numeric, (found.here ->> 'total_minor')::numeric,
        (found.here ->> 'net_minor')::numeric
    )), 0)::bigint AS here_minor,
    count(found.there) AS there,
    COALESCE(sum(COALESCE(
        (found.there ->> 'amount_minor')::numeric, (found.there ->> 'total_minor')::numeric,
        (found.there ->> 'net_minor')::numeric
    )), 0)::bigint AS there_minor
FROM diff_found AS found
GROUP BY 1, 2
ORDER BY 1, 2

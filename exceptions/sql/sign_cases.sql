-- Writes down the patterns that each of these cases shows: what it may have in common with others
-- of its check. The same amount off, the same percentage off, whole days apart, a name with
-- something added, or a source that is silent.
--
-- params: case_ids  bigint[]
--         silent    jsonb     [{"slug": …, "checks": [check names]}], the sources silent now
INSERT INTO exceptions_casesign (case_id, sign)
SELECT DISTINCT cases.id, signs.sign
FROM exceptions_case AS cases
INNER JOIN reconciliation_discrepancy AS found ON found.id = cases.discrepancy_id
CROSS JOIN LATERAL (
    SELECT
        concat_ws(
            ':', 'amount', cases.check_name, found.currency, found.actual_minor - found.expected_minor
        ) AS sign
    WHERE found.actual_minor <> found.expected_minor
    UNION ALL
    SELECT
        concat_ws(
            ':', 'percent', cases.check_name,
            trim_scale(
                round(100.0 * (found.actual_minor - found.expected_minor) / found.expected_minor, 1)
            )
        ) AS sign
    WHERE
        found.expected_minor > 0
        AND found.actual_minor > 0  -- nothing at all is no percentage
        AND found.actual_minor <> found.expected_minor
    UNION ALL
    SELECT concat_ws(':', 'days', cases.check_name, later.days) AS sign
    FROM (
        SELECT extract(DAY FROM max(moments.at) - min(moments.at)) AS days
        FROM jsonb_each_text(found.details) AS pairs
        CROSS JOIN LATERAL (
            SELECT pairs.value::timestamptz AS at
            WHERE pairs.key LIKE '%%\_at' AND pairs.value ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d'
        ) AS moments
        HAVING
            count(*) > 1
            AND max(moments.at) > min(moments.at)
            AND date_trunc('day', max(moments.at) - min(moments.at))
                = max(moments.at) - min(moments.at)
    ) AS later
    UNION ALL
    SELECT
        concat_ws(
            ':', 'suffix', cases.check_name, substring(found.details ->> 'order' FROM '[-_/#][^-_/#]+$')
        ) AS sign
    WHERE EXISTS (
        SELECT
        FROM reconciliation_alias AS aliases
        WHERE
            aliases.value
            = regexp_replace(found.details ->> 'order', '[-_/#][^-_/#]+$', '')
            AND found.details ->> 'order' ~ '[-_/#][^-_/#]+$'
    )
    UNION ALL
    SELECT concat_ws(':', 'silent', sources.slug) AS sign
    FROM jsonb_to_recordset(%(silent)s::jsonb) AS sources(slug text, checks jsonb)
    WHERE sources.checks ? cases.check_name
) AS signs
WHERE cases.id = ANY(%(case_ids)s::bigint[])
ON CONFLICT (case_id, sign) DO NOTHING

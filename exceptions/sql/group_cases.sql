-- Gives each of these cases the cause that it shares with the most open cases, and lets cases that
-- stood alone join them. A silent source is a cause before any pattern of amounts.
--
-- params: case_ids  bigint[]
--         least     integer   how many open cases with one pattern make a group
WITH touched AS (
    SELECT DISTINCT signs.sign
    FROM exceptions_casesign AS signs
    WHERE signs.case_id = ANY(%(case_ids)s::bigint[])
),

sized AS MATERIALIZED (
    SELECT touched.sign, counted.number
    FROM touched
    CROSS JOIN LATERAL (
        SELECT count(*) AS number
        FROM (
            SELECT
            FROM exceptions_casesign AS signs
            INNER JOIN exceptions_case AS cases ON cases.id = signs.case_id
            WHERE signs.sign = touched.sign AND cases.closed_at IS NULL
            LIMIT 1000  -- more is more, and enough to choose by
        ) AS capped
    ) AS counted
    WHERE counted.number >= %(least)s
),

best AS (
    SELECT DISTINCT ON (signs.case_id) signs.case_id, sized.sign
    FROM sized
    INNER JOIN exceptions_casesign AS signs ON signs.sign = sized.sign
    INNER JOIN exceptions_case AS cases ON cases.id = signs.case_id
    WHERE
        cases.closed_at IS NULL
        AND (cases.cause = '' OR signs.case_id = ANY(%(case_ids)s::bigint[]))
    ORDER BY signs.case_id, sized.sign LIKE 'silent:%%' DESC, sized.number DESC, sized.sign
)

UPDATE exceptions_case AS cases
SET cause = best.sign
FROM best
WHERE cases.id = best.case_id AND cases.cause <> best.sign

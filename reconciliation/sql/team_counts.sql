-- What waits for each team: open cases and those over their time, to `most` at most, and handoffs
-- that it has not answered. Each count reads the team's own stretch of an index.
--
-- params: at timestamptz   the moment that clocks are compared with
--         most integer     where counting ends
-- gives:  team_id, open, over, coming – one row a team
SELECT
    teams.id,
    opened.number,
    late.number,
    coming.number
FROM reconciliation_team AS teams
CROSS JOIN LATERAL (
    SELECT count(*) AS number
    FROM (
        SELECT cases.id
        FROM exceptions_case AS cases
        WHERE cases.team_id = teams.id AND cases.closed_at IS NULL
        LIMIT %(most)s
    ) AS capped
) AS opened
CROSS JOIN LATERAL (
    SELECT count(*) AS number
    FROM (
        SELECT cases.id
        FROM exceptions_case AS cases
        WHERE
            cases.team_id = teams.id
            AND cases.closed_at IS NULL
            AND cases.resolve_due_at < %(at)s
        LIMIT %(most)s
    ) AS capped
) AS late
CROSS JOIN LATERAL (
    SELECT count(*) AS number
    FROM exceptions_handoff AS handoffs
    WHERE handoffs.to_team_id = teams.id AND handoffs.state = 'WAITING'
) AS coming

-- Open cases of a team without a single member who can sign in.
--
-- gives:  subject; one row a case
SELECT format('exception #%%s of %%s', cases.id, teams.name) AS subject
FROM exceptions_case AS cases
JOIN reconciliation_team AS teams ON teams.id = cases.team_id
WHERE
    cases.closed_at IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM reconciliation_membership AS members
        JOIN auth_user AS people ON people.id = members.user_id
        WHERE members.team_id = teams.id AND people.is_active
    )

-- Open cases that no rule routed: they lie with the team that takes what is left.
--
-- gives:  subject; one row a case
SELECT format('exception #%%s', cases.id) AS subject
FROM exceptions_case AS cases
JOIN reconciliation_team AS teams ON teams.id = cases.team_id
WHERE cases.closed_at IS NULL AND teams.is_catch_all

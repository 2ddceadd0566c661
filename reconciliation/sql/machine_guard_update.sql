
-- Refuses a change of state unless the rows that this very transaction put on the audit trail lead
-- from the state before to the one after by declared moves.{and_version}
-- old_rows and new_rows are the statement's transition tables.
DECLARE
    refused text;
BEGIN
    SELECT
        min(format('%s may not go from %s to %s', moved.id, moved.from_state, moved.to_state))
    INTO refused
    FROM (
        SELECT
            COALESCE(new_rows.id, old_rows.id) AS id,
            old_rows.state AS from_state,
            new_rows.state AS to_state,
            {step} AS step
        FROM new_rows
        FULL JOIN old_rows ON old_rows.id = new_rows.id
        WHERE new_rows.state IS DISTINCT FROM old_rows.state
    ) AS moved
    WHERE
        moved.step IS DISTINCT FROM 1
        OR NOT COALESCE((
            SELECT
                bool_and((hop.from_state, hop.to_state) IN ({declared}))
                AND bool_and(hop.from_state = COALESCE(hop.came_to, hop.from_state))
                AND bool_or(hop.from_state = moved.from_state)
                AND (array_agg(hop.to_state ORDER BY hop.sequence DESC))[1] = moved.to_state
            FROM (
                SELECT
                    made.sequence,
                    made.from_state,
                    made.to_state,
                    lag(made.to_state) OVER (ORDER BY made.sequence) AS came_to
                FROM audit_auditevent AS made
                WHERE
                    made.stream = '{stream}'
                    AND made.subject_id = moved.id
                    AND made.transaction_id = pg_current_xact_id()
                    AND made.from_state <> ''
                    AND made.from_state <> made.to_state
            ) AS hop
        ), FALSE);
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION '{noun} % so: its verbs make declared moves and record them.', refused
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END

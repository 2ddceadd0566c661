-- Guards the case machine: the wording of `reconciliation.guard` on the day, frozen.

CREATE OR REPLACE FUNCTION case_guard_delete()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
-- Refuses every deletion: what was decided about a row, and done, is kept with it.
BEGIN
    IF EXISTS (SELECT 1 FROM old_rows) THEN
        RAISE EXCEPTION 'Cases are never deleted.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$function$;
CREATE TRIGGER case_guard_delete AFTER DELETE ON exceptions_case REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION case_guard_delete();

CREATE OR REPLACE FUNCTION case_guard_insert()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
-- Refuses a row that begins anywhere but at the beginning.
BEGIN
    IF EXISTS (SELECT 1 FROM new_rows WHERE new_rows.state <> 'NEW' OR new_rows.version <> 0) THEN
        RAISE EXCEPTION 'Cases begin as NEW, version 0.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$function$;
CREATE TRIGGER case_guard_insert AFTER INSERT ON exceptions_case REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION case_guard_insert();

CREATE OR REPLACE FUNCTION case_guard_update()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
-- Refuses a change of state unless the rows that this very transaction put on the audit trail lead
-- from the state before to the one after by declared moves. Its version goes up by one.
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
            new_rows.version - old_rows.version AS step
        FROM new_rows
        FULL JOIN old_rows ON old_rows.id = new_rows.id
        WHERE new_rows.state IS DISTINCT FROM old_rows.state
    ) AS moved
    WHERE
        moved.step IS DISTINCT FROM 1
        OR NOT COALESCE((
            SELECT
                bool_and((hop.from_state, hop.to_state) IN (('DISMISSED', 'IN_PROGRESS'), ('IN_PROGRESS', 'DISMISSED'), ('IN_PROGRESS', 'IN_PROGRESS'), ('IN_PROGRESS', 'NEW'), ('IN_PROGRESS', 'SETTLED'), ('IN_PROGRESS', 'VERIFYING'), ('IN_PROGRESS', 'WAITING'), ('NEW', 'DISMISSED'), ('NEW', 'IN_PROGRESS'), ('NEW', 'NEW'), ('NEW', 'SETTLED'), ('NEW', 'VERIFYING'), ('NEW', 'WAITING'), ('VERIFYING', 'IN_PROGRESS'), ('VERIFYING', 'NEW'), ('VERIFYING', 'SETTLED'), ('WAITING', 'DISMISSED'), ('WAITING', 'IN_PROGRESS'), ('WAITING', 'NEW'), ('WAITING', 'SETTLED'), ('WAITING', 'VERIFYING')))
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
                    made.stream = 'case'
                    AND made.subject_id = moved.id
                    AND made.transaction_id = pg_current_xact_id()
                    AND made.from_state <> ''
                    AND made.from_state <> made.to_state
            ) AS hop
        ), FALSE);
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'Case % so: its verbs make declared moves and record them.', refused
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$function$;
CREATE TRIGGER case_guard_update AFTER UPDATE ON exceptions_case REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION case_guard_update();

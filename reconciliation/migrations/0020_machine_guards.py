"""Guards write-backs and rulebook versions: the wording of `reconciliation.guard`, frozen."""

from django.db import migrations

GUARDS = """
CREATE OR REPLACE FUNCTION writeback_guard_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
-- Refuses a change of state unless the rows that this very transaction put on the audit trail lead
-- from the state before to the one after by declared moves.
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
            1 AS step
        FROM new_rows
        FULL JOIN old_rows ON old_rows.id = new_rows.id
        WHERE new_rows.state IS DISTINCT FROM old_rows.state
    ) AS moved
    WHERE
        moved.step IS DISTINCT FROM 1
        OR NOT COALESCE((
            SELECT
                bool_and((hop.from_state, hop.to_state) IN (('DELIVERED', 'COMPENSATED'), ('DUE', 'SENDING'), ('DUE', 'SUPERSEDED'), ('FAILED', 'DUE'), ('FAILED', 'SUPERSEDED'), ('SENDING', 'DELIVERED'), ('SENDING', 'FAILED'), ('SENDING', 'UNKNOWN'), ('UNKNOWN', 'DELIVERED'), ('UNKNOWN', 'DUE'), ('UNKNOWN', 'SUPERSEDED')))
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
                    made.stream = 'writeback'
                    AND made.subject_id = moved.id
                    AND made.transaction_id = pg_current_xact_id()
                    AND made.from_state <> ''
                    AND made.from_state <> made.to_state
            ) AS hop
        ), FALSE);
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'Write-back % so: its verbs make declared moves and record them.', refused
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER writeback_guard_update AFTER UPDATE ON reconciliation_writeback
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION writeback_guard_update();
CREATE OR REPLACE FUNCTION writeback_guard_insert() RETURNS trigger LANGUAGE plpgsql AS $guard$
-- Refuses a row that begins anywhere but at the beginning.
BEGIN
    IF EXISTS (SELECT 1 FROM new_rows WHERE new_rows.state <> 'DUE') THEN
        RAISE EXCEPTION 'Write-backs begin as DUE.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER writeback_guard_insert AFTER INSERT ON reconciliation_writeback
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION writeback_guard_insert();
CREATE OR REPLACE FUNCTION writeback_guard_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
-- Refuses every deletion: what was decided about a row, and done, is kept with it.
BEGIN
    IF EXISTS (SELECT 1 FROM old_rows) THEN
        RAISE EXCEPTION 'Write-backs are never deleted.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER writeback_guard_delete AFTER DELETE ON reconciliation_writeback
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION writeback_guard_delete();
CREATE OR REPLACE FUNCTION rulebook_guard_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
-- Refuses a change of state unless the rows that this very transaction put on the audit trail lead
-- from the state before to the one after by declared moves.
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
            1 AS step
        FROM new_rows
        FULL JOIN old_rows ON old_rows.id = new_rows.id
        WHERE new_rows.state IS DISTINCT FROM old_rows.state
    ) AS moved
    WHERE
        moved.step IS DISTINCT FROM 1
        OR NOT COALESCE((
            SELECT
                bool_and((hop.from_state, hop.to_state) IN (('APPROVED', 'CANARY'), ('APPROVED', 'LIVE'), ('APPROVED', 'SCHEDULED'), ('APPROVED', 'SHADOW'), ('CANARY', 'LIVE'), ('CANARY', 'RETIRED'), ('DRAFT', 'IN_REVIEW'), ('IN_REVIEW', 'APPROVED'), ('IN_REVIEW', 'DRAFT'), ('LIVE', 'RETIRED'), ('SCHEDULED', 'CANARY'), ('SCHEDULED', 'LIVE'), ('SCHEDULED', 'RETIRED'), ('SCHEDULED', 'SHADOW'), ('SHADOW', 'LIVE'), ('SHADOW', 'RETIRED')))
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
                    made.stream = 'rulebook'
                    AND made.subject_id = moved.id
                    AND made.transaction_id = pg_current_xact_id()
                    AND made.from_state <> ''
                    AND made.from_state <> made.to_state
            ) AS hop
        ), FALSE);
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'Rulebook version % so: its verbs make declared moves and record them.', refused
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER rulebook_guard_update AFTER UPDATE ON reconciliation_rulebookversion
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION rulebook_guard_update();
CREATE OR REPLACE FUNCTION rulebook_guard_insert() RETURNS trigger LANGUAGE plpgsql AS $guard$
-- Refuses a row that begins anywhere but at the beginning.
BEGIN
    IF EXISTS (SELECT 1 FROM new_rows WHERE new_rows.state <> 'DRAFT') THEN
        RAISE EXCEPTION 'Rulebook versions begin as DRAFT.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$guard$;
CREATE OR REPLACE TRIGGER rulebook_guard_insert AFTER INSERT ON reconciliation_rulebookversion
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION rulebook_guard_insert();
"""
UNDO = """
DROP TRIGGER writeback_guard_update ON reconciliation_writeback;
DROP FUNCTION writeback_guard_update();
DROP TRIGGER writeback_guard_insert ON reconciliation_writeback;
DROP FUNCTION writeback_guard_insert();
DROP TRIGGER writeback_guard_delete ON reconciliation_writeback;
DROP FUNCTION writeback_guard_delete();
DROP TRIGGER rulebook_guard_update ON reconciliation_rulebookversion;
DROP FUNCTION rulebook_guard_update();
DROP TRIGGER rulebook_guard_insert ON reconciliation_rulebookversion;
DROP FUNCTION rulebook_guard_insert();
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0019_rota"), ("audit", "0003_guards")]
    operations = [migrations.RunSQL(GUARDS, UNDO)]

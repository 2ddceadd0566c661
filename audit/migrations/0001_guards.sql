-- What keeps the trail only growing, for every role, the tables' owner included.
--
-- Statement-level on purpose: a pass records thousands of rows in one statement. The guards against
-- TRUNCATE have names of their own (`…_no_truncate`), so that a test database can do without.

CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'The audit trail only grows: % on % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$body$;

CREATE TRIGGER audit_auditevent_no_change BEFORE UPDATE OR DELETE ON audit_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_auditevent_no_truncate BEFORE TRUNCATE ON audit_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_sealleaf_no_change BEFORE UPDATE OR DELETE ON audit_sealleaf
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_sealleaf_no_truncate BEFORE TRUNCATE ON audit_sealleaf
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_checkpoint_no_change BEFORE UPDATE OR DELETE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_checkpoint_no_truncate BEFORE TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_anchor_no_change BEFORE UPDATE OR DELETE ON audit_anchor
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_anchor_no_truncate BEFORE TRUNCATE ON audit_anchor
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();

-- Where the sequence stands before a statement adds rows: what it takes from there on is higher.
CREATE FUNCTION audit_note_numbers() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    PERFORM set_config(
        'audit.last_number',
        (
            SELECT (numbers.last_value - (NOT numbers.is_called)::integer)::text
            FROM audit_auditevent_id_seq AS numbers
        ),
        true
    );
    RETURN NULL;
END
$body$;

CREATE TRIGGER audit_auditevent_note_numbers BEFORE INSERT ON audit_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION audit_note_numbers();

-- Every new row belongs to this transaction, takes its id from the sequence, and goes on from
-- its subject's newest row. EXECUTE, because a kept plan is chosen for the first, tiny sets.
CREATE FUNCTION audit_check_insert() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    wrong text;
BEGIN
    EXECUTE $query$
        SELECT format('%s %s #%s', added.stream, added.subject_id, added.sequence)
        FROM added
        WHERE
            added.transaction_id <> pg_current_xact_id()
            OR added.id <= current_setting('audit.last_number')::bigint
            OR added.id > (SELECT numbers.last_value FROM audit_auditevent_id_seq AS numbers)
            OR added.sequence < 1
        LIMIT 1
    $query$ INTO wrong;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'Audit row % names a transaction or an id that is not its own.', wrong
            USING ERRCODE = 'insufficient_privilege';
    END IF;

    EXECUTE $query$
        SELECT format('%s %s #%s', grown.stream, grown.subject_id, grown.first)
        FROM (
            SELECT
                added.stream,
                added.subject_id,
                min(added.sequence) AS first,
                max(added.sequence) - min(added.sequence) + 1 = count(*) AS is_whole
            FROM added
            GROUP BY added.stream, added.subject_id
        ) AS grown
        WHERE
            NOT grown.is_whole
            OR (
                grown.first > 1
                AND (
                    SELECT count(*)
                    FROM audit_auditevent AS known
                    WHERE
                        known.stream = grown.stream
                        AND known.subject_id = grown.subject_id
                        AND known.sequence = grown.first - 1
                ) = 0
            )
        LIMIT 1
    $query$ INTO wrong;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'Audit row % leaves a gap in its sequence.', wrong
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE TRIGGER audit_auditevent_check_insert AFTER INSERT ON audit_auditevent
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION audit_check_insert();

ALTER TABLE audit_auditevent ALTER COLUMN id SET GENERATED ALWAYS;

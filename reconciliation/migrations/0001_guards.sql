-- Guards orders, write-backs and rulebook versions: the wording of `reconciliation.guard` on the day,
-- frozen; and leaves room on the pages of orders, so that a move writes its new row beside the old.

CREATE OR REPLACE FUNCTION order_guard_delete()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
-- Refuses every deletion: an order is kept for ever, a merged one with merged_into.
BEGIN
    RAISE EXCEPTION 'Orders are never deleted.' USING ERRCODE = 'check_violation';
END
$function$;
CREATE TRIGGER order_guard_delete BEFORE DELETE ON reconciliation_order FOR EACH STATEMENT EXECUTE FUNCTION order_guard_delete();

CREATE OR REPLACE FUNCTION order_guard_insert()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
-- Refuses an order that begins anywhere but at the beginning.
BEGIN
    IF EXISTS (
        SELECT 1 FROM new_orders WHERE new_orders.state <> 'CREATED' OR new_orders.version <> 0
    ) THEN
        RAISE EXCEPTION 'An order begins as CREATED, version 0.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$function$;
CREATE TRIGGER order_guard_insert AFTER INSERT ON reconciliation_order REFERENCING NEW TABLE AS new_orders FOR EACH STATEMENT EXECUTE FUNCTION order_guard_insert();

CREATE OR REPLACE FUNCTION order_guard_update()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
-- Refuses a move of an order that is not declared, skips a version, or has no audit row of this
-- very transaction for each hop. old_orders and new_orders are the statement's transition tables.
DECLARE
    refused bigint;
BEGIN
    EXECUTE $query$
        SELECT
            min(COALESCE(moved.id, 0))
        FROM (
            SELECT
                new_orders.id,
                old_orders.state AS from_state,
                new_orders.state AS to_state,
                new_orders.version - old_orders.version AS hops
            FROM new_orders
            FULL JOIN old_orders ON old_orders.id = new_orders.id
            WHERE
                new_orders.state IS DISTINCT FROM old_orders.state
                OR new_orders.version IS DISTINCT FROM old_orders.version
        ) AS moved
        WHERE
            moved.hops IS NULL
            OR moved.hops < 1
            OR moved.hops IS DISTINCT FROM CASE
                WHEN moved.hops = 1 THEN (  -- as most do: the newest row alone
                    SELECT
                        (
                            hop.transaction_id = pg_current_xact_id()
                            AND (hop.from_state, hop.to_state) IN (('BILLED', 'CANCELLED'), ('BILLED', 'FULFILLED'), ('BILLED', 'RECONCILED'), ('CANCELLED', 'CLOSED'), ('CANCELLED', 'CREATED'), ('CLOSED', 'RECONCILED'), ('CONFIRMED', 'CANCELLED'), ('CONFIRMED', 'CREATED'), ('CONFIRMED', 'FULFILLED'), ('CREATED', 'CANCELLED'), ('CREATED', 'CONFIRMED'), ('FULFILLED', 'BILLED'), ('FULFILLED', 'CANCELLED'), ('FULFILLED', 'CONFIRMED'), ('RECONCILED', 'BILLED'), ('RECONCILED', 'CANCELLED'), ('RECONCILED', 'CLOSED'))
                            AND hop.from_state = moved.from_state
                            AND hop.to_state = moved.to_state
                        )::integer
                    FROM audit_auditevent AS hop
                    WHERE hop.stream = 'order' AND hop.subject_id = moved.id
                    ORDER BY hop.sequence DESC
                    LIMIT 1
                )
                ELSE (
                    SELECT
                        -- Counted, not selected: by the transaction's index each order would read all
                        -- rows of all others, and without statistics that looks cheap.
                        count(*) FILTER (
                            WHERE
                                hop.transaction_id = pg_current_xact_id()
                                AND (hop.from_state, hop.to_state) IN (('BILLED', 'CANCELLED'), ('BILLED', 'FULFILLED'), ('BILLED', 'RECONCILED'), ('CANCELLED', 'CLOSED'), ('CANCELLED', 'CREATED'), ('CLOSED', 'RECONCILED'), ('CONFIRMED', 'CANCELLED'), ('CONFIRMED', 'CREATED'), ('CONFIRMED', 'FULFILLED'), ('CREATED', 'CANCELLED'), ('CREATED', 'CONFIRMED'), ('FULFILLED', 'BILLED'), ('FULFILLED', 'CANCELLED'), ('FULFILLED', 'CONFIRMED'), ('RECONCILED', 'BILLED'), ('RECONCILED', 'CANCELLED'), ('RECONCILED', 'CLOSED'))
                        )
                        -- The chain must begin and end where the order did, without a gap.
                        * (
                            array_agg(hop.from_state::text ORDER BY hop.sequence) || moved.to_state::text
                            = moved.from_state::text || array_agg(hop.to_state::text ORDER BY hop.sequence)
                        )::integer
                    FROM audit_auditevent AS hop
                    WHERE
                        hop.stream = 'order'
                        AND hop.subject_id = moved.id
                        AND hop.sequence > (
                            SELECT max(newest.sequence)
                            FROM audit_auditevent AS newest
                            WHERE newest.stream = 'order' AND newest.subject_id = moved.id
                        ) - moved.hops
                )
            END
    $query$ INTO refused;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'Order % may not move so: only lifecycle.advance moves orders.', refused
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$function$;
CREATE TRIGGER order_guard_update AFTER UPDATE ON reconciliation_order REFERENCING OLD TABLE AS old_orders NEW TABLE AS new_orders FOR EACH STATEMENT EXECUTE FUNCTION order_guard_update();

CREATE OR REPLACE FUNCTION rulebook_guard_insert()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
-- Refuses a row that begins anywhere but at the beginning.
BEGIN
    IF EXISTS (SELECT 1 FROM new_rows WHERE new_rows.state <> 'DRAFT') THEN
        RAISE EXCEPTION 'Rulebook versions begin as DRAFT.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$function$;
CREATE TRIGGER rulebook_guard_insert AFTER INSERT ON reconciliation_rulebookversion REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION rulebook_guard_insert();

CREATE OR REPLACE FUNCTION rulebook_guard_update()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
$function$;
CREATE TRIGGER rulebook_guard_update AFTER UPDATE ON reconciliation_rulebookversion REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION rulebook_guard_update();

CREATE OR REPLACE FUNCTION rulebook_keep_content()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'Rulebook version % left Draft and cannot be deleted.', old.number
            USING ERRCODE = 'check_violation';
    END IF;
    IF (new.number, new.content, new.content_sha256, new.author, new.created_at)
        IS DISTINCT FROM (old.number, old.content, old.content_sha256, old.author, old.created_at)
    THEN
        RAISE EXCEPTION 'Rulebook version % left Draft and cannot be changed.', old.number
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END
$function$;
CREATE TRIGGER rulebook_keep_content BEFORE DELETE OR UPDATE ON reconciliation_rulebookversion FOR EACH ROW WHEN (((old.state)::text <> 'DRAFT'::text)) EXECUTE FUNCTION rulebook_keep_content();

CREATE OR REPLACE FUNCTION writeback_guard_delete()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
-- Refuses every deletion: what was decided about a row, and done, is kept with it.
BEGIN
    IF EXISTS (SELECT 1 FROM old_rows) THEN
        RAISE EXCEPTION 'Write-backs are never deleted.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$function$;
CREATE TRIGGER writeback_guard_delete AFTER DELETE ON reconciliation_writeback REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION writeback_guard_delete();

CREATE OR REPLACE FUNCTION writeback_guard_insert()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
-- Refuses a row that begins anywhere but at the beginning.
BEGIN
    IF EXISTS (SELECT 1 FROM new_rows WHERE new_rows.state <> 'DUE') THEN
        RAISE EXCEPTION 'Write-backs begin as DUE.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$function$;
CREATE TRIGGER writeback_guard_insert AFTER INSERT ON reconciliation_writeback REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION writeback_guard_insert();

CREATE OR REPLACE FUNCTION writeback_guard_update()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
$function$;
CREATE TRIGGER writeback_guard_update AFTER UPDATE ON reconciliation_writeback REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION writeback_guard_update();

ALTER TABLE reconciliation_order SET (fillfactor = 50);

"""Guards the order machine: the wording of `reconciliation.guard` on the day it was made, frozen."""

from django.db import migrations

GUARDS = """
CREATE FUNCTION order_guard_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
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
            OR moved.hops IS DISTINCT FROM (
                SELECT
                    count(*)
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
                    AND hop.transaction_id = pg_current_xact_id()
                    AND (hop.from_state, hop.to_state) IN (('BILLED', 'CANCELLED'), ('BILLED', 'FULFILLED'), ('BILLED', 'RECONCILED'), ('CANCELLED', 'CLOSED'), ('CANCELLED', 'CREATED'), ('CLOSED', 'RECONCILED'), ('CONFIRMED', 'CANCELLED'), ('CONFIRMED', 'CREATED'), ('CONFIRMED', 'FULFILLED'), ('CREATED', 'CANCELLED'), ('CREATED', 'CONFIRMED'), ('FULFILLED', 'BILLED'), ('FULFILLED', 'CANCELLED'), ('FULFILLED', 'CONFIRMED'), ('RECONCILED', 'BILLED'), ('RECONCILED', 'CANCELLED'), ('RECONCILED', 'CLOSED'))
            )
    $query$ INTO refused;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'Order % may not move so: only lifecycle.advance moves orders.', refused
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$guard$;
CREATE TRIGGER order_guard_update AFTER UPDATE ON reconciliation_order
    REFERENCING OLD TABLE AS old_orders NEW TABLE AS new_orders
    FOR EACH STATEMENT EXECUTE FUNCTION order_guard_update();
CREATE FUNCTION order_guard_insert() RETURNS trigger LANGUAGE plpgsql AS $guard$
-- Refuses an order that begins anywhere but at the beginning.
BEGIN
    IF EXISTS (
        SELECT 1 FROM new_orders WHERE new_orders.state <> 'CREATED' OR new_orders.version <> 0
    ) THEN
        RAISE EXCEPTION 'An order begins as CREATED, version 0.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$guard$;
CREATE TRIGGER order_guard_insert AFTER INSERT ON reconciliation_order
    REFERENCING NEW TABLE AS new_orders
    FOR EACH STATEMENT EXECUTE FUNCTION order_guard_insert();
CREATE FUNCTION order_guard_delete() RETURNS trigger LANGUAGE plpgsql AS $guard$
-- Refuses every deletion: an order is kept for ever, a merged one with merged_into.
BEGIN
    RAISE EXCEPTION 'Orders are never deleted.' USING ERRCODE = 'check_violation';
END
$guard$;
CREATE TRIGGER order_guard_delete BEFORE DELETE ON reconciliation_order
    FOR EACH STATEMENT EXECUTE FUNCTION order_guard_delete();
"""
UNDO = """
DROP TRIGGER order_guard_update ON reconciliation_order;
DROP FUNCTION order_guard_update();
DROP TRIGGER order_guard_insert ON reconciliation_order;
DROP FUNCTION order_guard_insert();
DROP TRIGGER order_guard_delete ON reconciliation_order;
DROP FUNCTION order_guard_delete();
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0002_rulebook_guard"), ("audit", "0001_initial")]
    operations = [migrations.RunSQL(GUARDS, UNDO)]

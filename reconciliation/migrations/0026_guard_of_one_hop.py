"""Lets the guard look at one audit row for one hop, as most moves are, frozen as of this day."""

from django.db import migrations

GUARD = """
CREATE OR REPLACE FUNCTION order_guard_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
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
$guard$;
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0025_rechecks_by_due")]
    operations = [migrations.RunSQL(GUARD, migrations.RunSQL.noop)]

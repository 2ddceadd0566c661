-- Orders, each with one discrepancy and its case, made directly: what the queue lists, not how it
-- came. Cases are due over a month, belong to all teams in turn, and one in fifty has an owner.
--
-- The places in braces are filled from the models. The triggers of what it writes are off.
--
-- params: first, many, shop_id, clock_plan_id bigint; at timestamptz; teams bigint[]; checks text[]
WITH orders AS (
    INSERT INTO reconciliation_order ({order_columns})
    SELECT {order_values}
    FROM generate_series(1, %(many)s) AS numbers (n)
    RETURNING id, canonical_id
), details AS (
    INSERT INTO reconciliation_orderdetail (
        order_id, source_id, customer_key, customer_name, channel, seller
    )
    SELECT id, %(shop_id)s, 'c-' || id %% 5000, 'Customer ' || id %% 5000, 'web', ''
    FROM orders
), found AS (
    INSERT INTO reconciliation_discrepancy (
        check_name, rulebook_version, order_id, team_id, at_risk_minor, currency, details,
        opened_at, last_seen_at
    )
    SELECT
        (%(checks)s::text[])[1 + id %% cardinality(%(checks)s::text[])],
        1,
        id,
        (%(teams)s::bigint[])[1 + id %% cardinality(%(teams)s::bigint[])],
        1000 + id * 7919 %% 500000,
        'EUR',
        '{{}}',
        %(at)s - interval '1 minute' * (id * 7919 %% 43200),
        %(at)s
    FROM orders
    RETURNING id, check_name, order_id, team_id, at_risk_minor, currency, opened_at
)
INSERT INTO exceptions_case ({case_columns})
SELECT {case_values}
FROM found

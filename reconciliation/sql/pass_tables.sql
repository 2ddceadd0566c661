-- What one batch of a pass works on, gone at its end. Tables of their own, because a statement
-- that joins what it has just found has no statistics and is planned for a handful of rows.
CREATE TEMPORARY TABLE IF NOT EXISTS pass_order ON COMMIT DELETE ROWS AS
SELECT {columns} FROM reconciliation_order WITH NO DATA;
CREATE TEMPORARY TABLE IF NOT EXISTS pass_check (
    check_name text,
    title text,
    team_id bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS pass_judgement (  -- what does not hold
    check_name text,
    order_id bigint,
    verdict text,  -- BROKEN, WAITING, WAIVED, NOT_JUDGED
    due_at timestamptz,
    expected_minor bigint,
    actual_minor bigint,
    at_risk_minor bigint,
    details jsonb
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS pass_news (  -- what the trail must say
    order_id bigint,
    action text,
    check_name text,
    discrepancy_id bigint,
    details jsonb
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS pass_verdict (
    order_id bigint,
    verdict text,
    is_closable boolean,
    due_at timestamptz,
    waits_on text
) ON COMMIT DELETE ROWS;
TRUNCATE pass_order, pass_check, pass_judgement, pass_news, pass_verdict;

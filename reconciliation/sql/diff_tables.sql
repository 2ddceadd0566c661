-- What one comparison works on: the source's own records, and how the two sides stand. They are
-- the connection's own, so that a long fetch holds no transaction.
CREATE TEMPORARY TABLE IF NOT EXISTS diff_record (
    place bigint,
    type text,
    reference text,
    order_reference text,
    occurred_at timestamptz,
    data jsonb,
    raw text
);
CREATE TEMPORARY TABLE IF NOT EXISTS diff_found (
    kind text,  -- MATCHED, DIFFERENT, ONLY_HERE, ONLY_THERE
    type text,
    reference text,
    order_id bigint,
    order_reference text,
    occurred_at timestamptz,
    here jsonb,
    there jsonb,
    differences jsonb
);
TRUNCATE diff_record, diff_found;

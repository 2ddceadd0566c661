-- What a batch of events is stored from, empty: COPY brings the rows.
CREATE TEMPORARY TABLE IF NOT EXISTS told (
    place integer,  -- among the messages
    sender text,
    event_id text,
    type text,
    occurred_at timestamptz,
    data jsonb,
    raw bytea,
    digest bytea,
    reference text,
    order_reference text
) ON COMMIT DELETE ROWS;
DELETE FROM told;  -- of an earlier batch in this transaction

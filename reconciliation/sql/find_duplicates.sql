-- Events that say again what an earlier one has said: the same source, type, outside id and order
-- under another identity, received within the source's window. What said it again keeps the window
-- open, and nothing is asked of how far any of them has come, so that the answer is the same however
-- events are taken together. Received, not happened: it is our clock that tells a repetition.
--
-- A subscription goes on and off under one id, so there only the same moment makes the same fact. A
-- parcel may be told of in parts, so a line that was not told of before makes a fact of its own. What
-- a person has called distinct is no duplicate.
--
-- params: event_ids bigint[]
-- gives:  id, previous_id – the newest that said it before; root_id – the one that counts, as far as
--         it is known: the previous one may be found to repeat another by this same answer
WITH alike AS MATERIALIZED (
    SELECT
        events.id, events.type, events.data, earlier.id AS earlier_id
    FROM reconciliation_event AS events
    JOIN reconciliation_source AS sources ON sources.id = events.source_id
    JOIN reconciliation_event AS earlier
        ON earlier.source_id = events.source_id
        AND earlier.type = events.type
        AND earlier.reference = events.reference
    WHERE
        events.id = ANY(%(event_ids)s::bigint[])
        AND events.reference <> ''
        AND NOT events.is_distinct
        AND earlier.reference <> ''
        AND earlier.id < events.id
        AND earlier.order_reference = events.order_reference
        AND earlier.status NOT IN ('QUARANTINED', 'CORRECTED', 'DISMISSED')
        AND sources.dedupe_window_seconds > 0
        AND events.received_at - earlier.received_at
            <= make_interval(secs => sources.dedupe_window_seconds)
        AND (events.type NOT LIKE 'subscription.%%' OR earlier.occurred_at = events.occurred_at)
),
newest AS MATERIALIZED (
    SELECT
        alike.id, max(alike.earlier_id) AS previous_id
    FROM alike
    WHERE
        alike.type LIKE 'order.%%'  -- its lines are one statement, made anew
        OR NOT EXISTS (
            SELECT
                COALESCE(told.line, '')
            FROM jsonb_to_recordset(COALESCE(alike.data -> 'lines', '[{}]')) AS told (line text)
            EXCEPT
            SELECT
                COALESCE(told.line, '')
            FROM alike AS same
            JOIN reconciliation_event AS earlier ON earlier.id = same.earlier_id
            CROSS JOIN jsonb_to_recordset(COALESCE(earlier.data -> 'lines', '[{}]'))
                AS told (line text)
            WHERE same.id = alike.id
        )
    GROUP BY alike.id
)
SELECT
    newest.id,
    newest.previous_id,
    COALESCE(previous.duplicate_of_id, previous.id) AS root_id
FROM newest
JOIN reconciliation_event AS previous ON previous.id = newest.previous_id
ORDER BY newest.id

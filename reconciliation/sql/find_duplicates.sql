-- Events that say again what an earlier one has said: the same source, type, outside id and order
-- under another identity, received within the source's window. A subscription goes on and off
-- under one id, so there only the same moment makes the same fact.
--
-- params: event_ids bigint[]
-- gives:  id, duplicate_of – the earliest
SELECT
    events.id,
    min(earlier.id) AS duplicate_of
FROM reconciliation_event AS events
JOIN reconciliation_source AS sources ON sources.id = events.source_id
JOIN reconciliation_event AS earlier
    ON earlier.source_id = events.source_id
    AND earlier.type = events.type
    AND earlier.reference = events.reference
WHERE
    events.id = ANY(%(event_ids)s)
    AND events.reference <> ''
    AND earlier.reference <> ''
    AND earlier.id < events.id
    AND earlier.order_reference = events.order_reference
    AND earlier.status IN ('RECEIVED', 'APPLIED', 'PARKED')
    AND events.received_at - earlier.received_at
        <= make_interval(secs => sources.dedupe_window_seconds)
    AND (events.type NOT LIKE 'subscription.%%' OR earlier.occurred_at = events.occurred_at)
GROUP BY events.id

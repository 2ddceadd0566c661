-- Sleeping cases for which an event was applied that they wait for: more such events are there than
-- when they were laid aside. Counted, not compared by time: what commits late is not missed.
--
-- params: most integer   how many to give
-- gives:  case_id, event_id, type, source – the newest such event; one row a case
SELECT
    snoozes.case_id,
    heard.newest_id AS event_id,
    events.type,
    sources.name AS source
FROM exceptions_snooze AS snoozes
INNER JOIN exceptions_case AS cases ON cases.id = snoozes.case_id
CROSS JOIN LATERAL (
    SELECT count(*) AS number, max(told.id) AS newest_id
    FROM reconciliation_event AS told
    INNER JOIN reconciliation_source AS tellers ON tellers.id = told.source_id
    WHERE
        told.order_id = cases.order_id
        AND told.status = 'APPLIED'
        AND tellers.kind <> 'internal' -- what we said ourselves is no news
        AND (
            snoozes.condition -> 'events' = '[]'
            OR EXISTS (
                SELECT
                FROM jsonb_array_elements_text(snoozes.condition -> 'events') AS beginning
                WHERE starts_with(told.type, beginning)
            )
        )
) AS heard
INNER JOIN reconciliation_event AS events ON events.id = heard.newest_id
INNER JOIN reconciliation_source AS sources ON sources.id = events.source_id
WHERE
    snoozes.ended_at IS NULL
    AND snoozes.condition <> '{}'
    AND heard.number > snoozes.known
ORDER BY snoozes.id
LIMIT %(most)s

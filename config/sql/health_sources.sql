-- How each source has been heard of lately.
--
-- params: at    timestamptz   the moment this speaks of
--         check text          the check that reports silence
-- gives:  name, slug, is_paused, expected_gap_seconds, is_silent, last_at, events_hour,
--         rejected_hour, rejected_day, duplicates_day, parked, writes_waiting, writes_failed; one
--         row a source
SELECT
    sources.name,
    sources.slug,
    sources.is_paused,
    sources.expected_gap_seconds,
    EXISTS (
        SELECT
        FROM reconciliation_discrepancy AS open_now
        WHERE
            open_now.source_id = sources.id
            AND open_now.check_name = %(check)s
            AND open_now.cleared_at IS NULL
    ) AS is_silent,
    newest.received_at AS last_at,
    recent.events_hour,
    refused.rejected_hour,
    refused.rejected_day,
    recent.duplicates_day,
    waiting.parked,
    writes.writes_waiting,
    writes.writes_failed
FROM reconciliation_source AS sources
LEFT JOIN LATERAL (
    SELECT events.received_at
    FROM reconciliation_event AS events
    WHERE events.source_id = sources.id
    ORDER BY events.received_at DESC
    LIMIT 1
) AS newest ON TRUE
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE events.received_at > %(at)s - interval '1 hour') AS events_hour,
        count(*) FILTER (WHERE events.status = 'DUPLICATE') AS duplicates_day
    FROM reconciliation_event AS events
    WHERE
        events.source_id = sources.id
        AND events.received_at > %(at)s - interval '1 day'
        AND events.received_at <= %(at)s
) AS recent
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE rejected.received_at > %(at)s - interval '1 hour')
            AS rejected_hour,
        count(*) AS rejected_day
    FROM reconciliation_rejectedevent AS rejected
    WHERE
        rejected.source_id = sources.id
        AND rejected.received_at > %(at)s - interval '1 day'
        AND rejected.received_at <= %(at)s
) AS refused
CROSS JOIN LATERAL (
    SELECT count(*) AS parked
    FROM reconciliation_event AS events
    WHERE events.source_id = sources.id AND events.status = 'PARKED'
) AS waiting
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE owed.state IN ('DUE', 'SENDING', 'UNKNOWN')) AS writes_waiting,
        count(*) FILTER (WHERE owed.state = 'UNKNOWN' OR (owed.state = 'DUE' AND owed.attempts > 0))
            AS writes_failed
    FROM reconciliation_writeback AS owed
    WHERE owed.target_id = sources.id AND owed.state IN ('DUE', 'SENDING', 'UNKNOWN')
) AS writes
WHERE sources.kind <> 'internal'
ORDER BY sources.name

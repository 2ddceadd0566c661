-- How each outside source flows: what came lately, what was set aside, and how long it took.
--
-- Counts of what was set aside come from the partial index event_set_aside; the delay is that of the
-- newest thousand events.
--
-- params: at    timestamptz   the moment this speaks of
--         slug  text          one source; "" for all
--         check text          the check that reports silence
-- gives:  source_id, heard_at, events_hour, events_day, rejected_day, conflicts_day,
--         duplicates_day, parked, quarantined, is_silent, lag_median, lag_most (seconds); one row
--         a source
SELECT
    sources.id AS source_id,
    newest.received_at AS heard_at,
    recent.events_hour,
    recent.events_day,
    refused.rejected_day,
    taken.conflicts_day,
    aside.duplicates_day,
    aside.parked,
    aside.quarantined,
    EXISTS (
        SELECT
        FROM reconciliation_discrepancy AS open_now
        WHERE
            open_now.source_id = sources.id
            AND open_now.check_name = %(check)s
            AND open_now.cleared_at IS NULL
    ) AS is_silent,
    delays.lag_median,
    delays.lag_most
FROM reconciliation_source AS sources
LEFT JOIN LATERAL (
    SELECT events.received_at
    FROM reconciliation_event AS events
    WHERE events.source_id = sources.id AND events.received_at <= %(at)s
    ORDER BY events.received_at DESC
    LIMIT 1
) AS newest ON TRUE
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE events.received_at > %(at)s - interval '1 hour') AS events_hour,
        count(*) AS events_day
    FROM reconciliation_event AS events
    WHERE
        events.source_id = sources.id
        AND events.received_at > %(at)s - interval '1 day'
        AND events.received_at <= %(at)s
) AS recent
CROSS JOIN LATERAL (
    SELECT count(*) AS rejected_day
    FROM reconciliation_rejectedevent AS rejected
    WHERE
        rejected.source_id = sources.id
        AND rejected.received_at > %(at)s - interval '1 day'
        AND rejected.received_at <= %(at)s
) AS refused
CROSS JOIN LATERAL (
    SELECT count(*) AS conflicts_day
    FROM reconciliation_eventconflict AS conflicts
    JOIN reconciliation_event AS events ON events.id = conflicts.event_id
    WHERE
        events.source_id = sources.id
        AND conflicts.received_at > %(at)s - interval '1 day'
        AND conflicts.received_at <= %(at)s
) AS taken
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (
            WHERE events.status = 'DUPLICATE' AND events.received_at > %(at)s - interval '1 day'
        ) AS duplicates_day,
        count(*) FILTER (WHERE events.status = 'PARKED') AS parked,
        count(*) FILTER (WHERE events.status = 'QUARANTINED') AS quarantined
    FROM reconciliation_event AS events
    WHERE
        events.source_id = sources.id
        AND events.status IN ('PARKED', 'DUPLICATE', 'QUARANTINED')
) AS aside
CROSS JOIN LATERAL (
    SELECT
        percentile_cont(0.5) WITHIN GROUP (ORDER BY applied.lag) AS lag_median,
        max(applied.lag) AS lag_most
    FROM (
        SELECT EXTRACT(EPOCH FROM events.applied_at - events.received_at)::float AS lag
        FROM reconciliation_event AS events
        WHERE events.source_id = sources.id AND events.applied_at IS NOT NULL
        ORDER BY events.received_at DESC
        LIMIT 1000
    ) AS applied
) AS delays
WHERE sources.kind <> 'internal' AND (%(slug)s = '' OR sources.slug = %(slug)s)
ORDER BY sources.name

-- Makes the windows that are over and complete by now: the oldest first, none skipped, none twice.
--
-- params: at timestamptz, batch_limit integer
INSERT INTO reconciliation_diffwindow (
    source_id, since, until, state, attempts, next_attempt_at, matched, different, only_here,
    only_there, unreadable, taken_in, totals, error
)
SELECT
    planned.source_id, planned.since, planned.until, 'DUE', 0, planned.ready_at, 0, 0, 0, 0, 0, 0,
    '[]', ''
FROM (
    SELECT
        schedules.source_id,
        starts.since,
        starts.since + make_interval(secs => schedules.every_seconds) AS until,
        starts.since + make_interval(secs => schedules.every_seconds + schedules.lag_seconds)
            AS ready_at
    FROM reconciliation_diffschedule AS schedules
    INNER JOIN reconciliation_source AS sources ON sources.id = schedules.source_id
    CROSS JOIN LATERAL (
        SELECT
            COALESCE(max(windows.until), schedules.starts_at) AS begins_at
        FROM reconciliation_diffwindow AS windows
        WHERE windows.source_id = schedules.source_id
    ) AS planned
    CROSS JOIN LATERAL generate_series(
        planned.begins_at,
        %(at)s - make_interval(secs => schedules.every_seconds + schedules.lag_seconds),
        make_interval(secs => schedules.every_seconds)
    ) AS starts (since)
    WHERE schedules.is_on AND NOT sources.is_paused
    ORDER BY starts.since, schedules.source_id
    LIMIT %(batch_limit)s
) AS planned
ON CONFLICT (source_id, since) DO NOTHING

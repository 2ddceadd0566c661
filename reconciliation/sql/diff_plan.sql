-- Makes the windows that are over and complete by now: the oldest first, none skipped, none twice.
-- They go on from the first moment that no window covers: a full export that somebody brought may
-- lie ahead of them, and what is before it is still to be compared.
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
            min(known.reached) AS begins_at
        FROM (
            SELECT
                max(stretches.until) OVER arranged AS reached,
                lead(stretches.since) OVER arranged AS next_since
            FROM (
                SELECT
                    windows.since, windows.until
                FROM reconciliation_diffwindow AS windows
                WHERE
                    windows.source_id = schedules.source_id
                    AND windows.until > schedules.starts_at
                UNION ALL
                SELECT
                    '-infinity', schedules.starts_at
            ) AS stretches
            WINDOW arranged AS (ORDER BY stretches.since)
        ) AS known
        WHERE known.next_since IS NULL OR known.next_since > known.reached
    ) AS planned
    CROSS JOIN LATERAL generate_series(
        planned.begins_at,
        %(at)s - make_interval(secs => schedules.every_seconds + schedules.lag_seconds),
        make_interval(secs => schedules.every_seconds)
    ) AS starts (since)
    WHERE
        schedules.is_on
        AND NOT sources.is_paused
        AND NOT EXISTS (
            SELECT 1
            FROM reconciliation_diffwindow AS windows
            WHERE
                windows.source_id = schedules.source_id
                AND windows.since <= starts.since
                AND windows.until > starts.since
        )
    ORDER BY starts.since, schedules.source_id
    LIMIT %(batch_limit)s
) AS planned
ON CONFLICT (source_id, since) DO NOTHING

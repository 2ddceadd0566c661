-- Stretches of time in which a source should have been compared with its own records by now, and was
-- not: no window was made for them, or nobody has tried the one that was.
--
-- params: at timestamptz   the moment this speaks of
-- gives:  subject; one row a stretch
SELECT format('%%s from %%s', sources.slug, missing.since) AS subject
FROM reconciliation_diffschedule AS schedules
INNER JOIN reconciliation_source AS sources ON sources.id = schedules.source_id
CROSS JOIN LATERAL (
    SELECT
        windows.since
    FROM reconciliation_diffwindow AS windows
    WHERE
        windows.source_id = schedules.source_id
        AND windows.next_attempt_at < %(at)s - interval '1 hour'
    UNION ALL
    -- Where windows end that no other goes on from, and where the first should begin.
    SELECT
        ends.until
    FROM (
        SELECT
            schedules.starts_at AS until
        UNION
        SELECT
            windows.until
        FROM reconciliation_diffwindow AS windows
        WHERE
            windows.source_id = schedules.source_id AND windows.until > schedules.starts_at
    ) AS ends
    WHERE
        ends.until + make_interval(secs => schedules.every_seconds + schedules.lag_seconds)
        < %(at)s - interval '1 hour'
        AND NOT EXISTS (
            SELECT 1
            FROM reconciliation_diffwindow AS next
            WHERE
                next.source_id = schedules.source_id
                AND next.since <= ends.until
                AND next.until > ends.until
        )
) AS missing
WHERE schedules.is_on AND NOT sources.is_paused

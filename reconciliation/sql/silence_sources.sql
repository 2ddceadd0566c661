-- Every outside source that may be silent: when it was last heard, and whether it is reported.
--
-- What it sends counts as a sign of life whether it could be read or not.
--
-- params: at    timestamptz   the moment this speaks of
--         check text          the check that reports silence
-- gives:  source_id, name, slug, zone, country, stated_seconds, heard_at, listening_since,
--         is_paused, is_reported, learnt_at; one row a source
SELECT
    sources.id AS source_id,
    sources.name,
    sources.slug,
    calendars.time_zone AS zone,
    calendars.holidays_country AS country,
    sources.expected_gap_seconds AS stated_seconds,
    GREATEST(newest.received_at, refused.received_at) AS heard_at,
    sources.listening_since,
    sources.is_paused,
    EXISTS (
        SELECT
        FROM reconciliation_discrepancy AS open_now
        WHERE
            open_now.source_id = sources.id
            AND open_now.check_name = %(check)s
            AND open_now.cleared_at IS NULL
    ) AS is_reported,
    rhythms.learnt_at
FROM reconciliation_source AS sources
JOIN reconciliation_team AS teams ON teams.id = sources.owner_team_id
JOIN reconciliation_calendar AS calendars ON calendars.id = teams.calendar_id
LEFT JOIN reconciliation_sourcerhythm AS rhythms ON rhythms.source_id = sources.id
LEFT JOIN LATERAL (
    SELECT events.received_at
    FROM reconciliation_event AS events
    WHERE events.source_id = sources.id AND events.received_at <= %(at)s
    ORDER BY events.received_at DESC
    LIMIT 1
) AS newest ON TRUE
LEFT JOIN LATERAL (
    SELECT rejected.received_at
    FROM reconciliation_rejectedevent AS rejected
    WHERE rejected.source_id = sources.id AND rejected.received_at <= %(at)s
    ORDER BY rejected.received_at DESC
    LIMIT 1
) AS refused ON TRUE
WHERE sources.kind <> 'internal'
ORDER BY sources.id

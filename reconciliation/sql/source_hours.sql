-- What a source sent in each of the last hours, those of silence too.
--
-- params: source_id bigint        the source
--         at        timestamptz   the moment this speaks of
--         hours     integer       how many hours, the present one included
-- gives:  hour, events, rejected; one row an hour, the oldest first
SELECT
    hours.hour,
    count(heard.received_at) FILTER (WHERE heard.is_event) AS events,
    count(heard.received_at) FILTER (WHERE NOT heard.is_event) AS rejected
FROM generate_series(
    date_trunc('hour', %(at)s::timestamptz) - (%(hours)s - 1) * interval '1 hour',
    date_trunc('hour', %(at)s::timestamptz),
    interval '1 hour'
) AS hours (hour)
LEFT JOIN (
    SELECT events.received_at, TRUE AS is_event
    FROM reconciliation_event AS events
    WHERE
        events.source_id = %(source_id)s
        AND events.received_at >= %(at)s::timestamptz - (%(hours)s + 1) * interval '1 hour'
    UNION ALL
    SELECT rejected.received_at, FALSE AS is_event
    FROM reconciliation_rejectedevent AS rejected
    WHERE
        rejected.source_id = %(source_id)s
        AND rejected.received_at >= %(at)s::timestamptz - (%(hours)s + 1) * interval '1 hour'
) AS heard ON heard.received_at >= hours.hour AND heard.received_at < hours.hour + interval '1 hour'
GROUP BY hours.hour
ORDER BY hours.hour

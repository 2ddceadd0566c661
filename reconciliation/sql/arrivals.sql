-- The moments at which a source spoke, one in each bucket of five minutes, in ascending order.
--
-- Goes from bucket to bucket by the index of (source, received_at) and reads one entry of each, so
-- that a source with a million events costs no more than one with a hundred thousand.
--
-- params: source_id bigint        the source
--         since     timestamptz   from here on
--         until     timestamptz   up to here
--         bucket    interval      what comes within one counts once
-- gives:  received_at; one row a bucket in which something came
WITH RECURSIVE arrivals AS (
    (
        SELECT events.received_at
        FROM reconciliation_event AS events
        WHERE
            events.source_id = %(source_id)s
            AND events.received_at >= %(since)s
            AND events.received_at <= %(until)s
        ORDER BY events.received_at
        LIMIT 1
    )
    UNION ALL
    SELECT following.received_at
    FROM arrivals
    CROSS JOIN LATERAL (
        SELECT events.received_at
        FROM reconciliation_event AS events
        WHERE
            events.source_id = %(source_id)s
            AND events.received_at
            >= date_bin(%(bucket)s::interval, arrivals.received_at, 'epoch'::timestamptz) + %(bucket)s::interval
            AND events.received_at <= %(until)s
        ORDER BY events.received_at
        LIMIT 1
    ) AS following
)
SELECT arrivals.received_at
FROM arrivals
ORDER BY arrivals.received_at

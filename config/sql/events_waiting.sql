-- Events that were stored more than a minute ago, by the true clock, and are not applied.
--
-- gives:  subject; one row an event
SELECT format('%%s %%s', events.type, events.event_id) AS subject
FROM reconciliation_event AS events
WHERE
    events.status = 'RECEIVED'
    AND events.recorded_at < clock_timestamp() - interval '60 seconds'

-- Events whose order did not come in time, and which nobody was told of.
--
-- params: at timestamptz   the moment this speaks of
-- gives:  subject; one row an event
SELECT format('%%s %%s', events.type, events.event_id) AS subject
FROM reconciliation_event AS events
WHERE
    events.status = 'PARKED'
    AND events.park_until < %(at)s - interval '5 minutes'
    AND NOT EXISTS (
        SELECT 1
        FROM reconciliation_discrepancy AS known
        WHERE known.event_id = events.id AND known.cleared_at IS NULL
    )

-- Messages and events that could not be read or applied, and that neither anybody works on nor
-- anybody has settled.
--
-- params: at timestamptz   the moment this speaks of
-- gives:  subject; one row a message or an event
SELECT format('message %%s', rejected.id) AS subject
FROM reconciliation_rejectedevent AS rejected
WHERE
    rejected.resent_as_id IS NULL
    AND rejected.received_at < %(at)s - interval '5 minutes'
    AND NOT EXISTS (
        SELECT FROM reconciliation_discrepancy AS known WHERE known.rejection_id = rejected.id
    )
UNION ALL
SELECT format('%%s %%s', events.type, events.event_id) AS subject
FROM reconciliation_event AS events
WHERE
    events.status = 'QUARANTINED'
    AND events.received_at < %(at)s - interval '5 minutes'
    AND NOT EXISTS (
        SELECT
        FROM reconciliation_discrepancy AS known
        WHERE known.event_id = events.id AND known.cleared_at IS NULL
    )

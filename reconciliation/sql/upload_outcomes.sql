-- What has become of each event of an upload by now, counted: every event is in one count.
--
-- One that was rejected and sent again corrected counts as what became of the new event.
--
-- params: upload_id bigint
-- gives:  outcome, events – outcome is applied, parked, waiting (to be applied), linked (says
--         again what another event said), seen, conflict, rejected or quarantined
SELECT
    judged.outcome,
    count(*) AS events
FROM (
    SELECT
        CASE
            WHEN items.verdict IN ('seen', 'conflict') THEN items.verdict
            WHEN events.id IS NULL THEN 'rejected'
            WHEN events.status = 'APPLIED' THEN 'applied'
            WHEN events.status = 'PARKED' THEN 'parked'
            WHEN events.status = 'DUPLICATE' THEN 'linked'
            WHEN events.status = 'QUARANTINED' THEN 'quarantined'
            ELSE 'waiting'
        END AS outcome
    FROM reconciliation_uploaditem AS items
    LEFT JOIN reconciliation_rejectedevent AS rejections ON rejections.id = items.rejection_id
    LEFT JOIN reconciliation_event AS events
        ON events.id = COALESCE(items.event_id, rejections.resent_as_id)
    WHERE items.upload_id = %(upload_id)s
) AS judged
GROUP BY judged.outcome

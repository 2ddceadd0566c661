-- Rows of the audit trail that have waited longer than half a minute for their seal.
--
-- gives:  subject; one row an audit row
WITH newest AS (
    SELECT events.transaction_id, events.id
    FROM audit_sealleaf AS leaves
    JOIN audit_auditevent AS events ON events.id = leaves.event_id
    ORDER BY leaves.position DESC
    LIMIT 1
)
SELECT format('row %%s', events.id) AS subject
FROM audit_auditevent AS events
WHERE
    (events.transaction_id, events.id) > (
        COALESCE((SELECT newest.transaction_id FROM newest), '0'::xid8),
        COALESCE((SELECT newest.id FROM newest), 0)
    )
    AND events.recorded_at < clock_timestamp() - interval '30 seconds'

-- Write-backs whose next try is ten minutes late, or that a worker took and never gave back.
--
-- params: at timestamptz   the moment this speaks of
-- gives:  subject; one row a write-back
SELECT format('%%s for %%s', owed.action, orders.canonical_id) AS subject
FROM reconciliation_writeback AS owed
JOIN reconciliation_order AS orders ON orders.id = owed.order_id
JOIN reconciliation_source AS targets ON targets.id = owed.target_id
WHERE
    owed.state IN ('DUE', 'SENDING', 'UNKNOWN')
    AND NOT targets.is_paused
    AND COALESCE(owed.claimed_until, owed.next_attempt_at, owed.created_at)
        < %(at)s - interval '10 minutes'

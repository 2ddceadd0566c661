-- What waits between the stages, and since when.
--
-- params: at timestamptz   the moment this speaks of
-- gives:  one row: number and oldest moment of each kind of waiting work
SELECT
    to_apply.number AS to_apply,
    to_apply.oldest AS to_apply_since,
    to_judge.number AS to_judge,
    to_judge.oldest AS to_judge_since,
    to_send.number AS to_send,
    to_send.oldest AS to_send_since,
    to_tell.number AS to_tell,
    to_tell.oldest AS to_tell_since,
    quarantined.number AS quarantined
FROM
    (
        SELECT count(*) AS number, min(events.recorded_at) AS oldest
        FROM reconciliation_event AS events
        WHERE events.status = 'RECEIVED'
    ) AS to_apply,
    (
        SELECT count(*) AS number, min(rechecks.due_at) AS oldest
        FROM reconciliation_recheck AS rechecks
        WHERE rechecks.due_at <= %(at)s
    ) AS to_judge,
    (
        SELECT count(*) AS number, min(owed.created_at) AS oldest
        FROM reconciliation_writeback AS owed
        WHERE owed.state IN ('DUE', 'SENDING', 'UNKNOWN')
    ) AS to_send,
    (
        SELECT count(*) AS number, min(messages.created_at) AS oldest
        FROM exceptions_message AS messages
        WHERE messages.state = 'DUE'
    ) AS to_tell,
    (
        SELECT count(*) AS number
        FROM reconciliation_discrepancy AS broken
        WHERE
            broken.cleared_at IS NULL
            AND broken.check_name IN ('event_quarantined', 'event_rejected', 'writeback_failed')
    ) AS quarantined

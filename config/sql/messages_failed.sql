-- Urgent messages of the last day that were given up on every way.
--
-- params: at timestamptz   the moment this speaks of
-- gives:  subject; one row a message
SELECT format('message #%%s', messages.id) AS subject
FROM exceptions_message AS messages
WHERE
    messages.state = 'FAILED'
    AND messages.severity = 'P1'
    AND messages.created_at > %(at)s - interval '1 day'

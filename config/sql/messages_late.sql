-- Messages that should have been tried more than ten minutes ago.
--
-- params: at timestamptz   the moment this speaks of
-- gives:  subject; one row a message
SELECT format('message #%%s', messages.id) AS subject
FROM exceptions_message AS messages
WHERE
    messages.state = 'DUE'
    AND messages.next_attempt_at < %(at)s - interval '10 minutes'

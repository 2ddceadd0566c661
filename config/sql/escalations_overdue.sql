-- Open cases whose next escalation step was due more than a minute ago and has not fired.
--
-- params: at timestamptz   the moment this speaks of
-- gives:  subject; one row a case
SELECT format('exception #%%s', cases.id) AS subject
FROM exceptions_case AS cases
WHERE
    cases.closed_at IS NULL
    AND cases.next_escalation_at < %(at)s - interval '60 seconds'

-- Open discrepancies that nobody works on: without a case five minutes after they were seen, or
-- under a case that was settled while they stand.
--
-- params: at timestamptz   the moment this speaks of
-- gives:  subject; one row a discrepancy
SELECT format('%%s, seen %%s', broken.check_name, broken.opened_at) AS subject
FROM reconciliation_discrepancy AS broken
LEFT JOIN exceptions_case AS cases ON cases.discrepancy_id = broken.id
WHERE
    broken.cleared_at IS NULL
    AND broken.opened_at < %(at)s - interval '5 minutes'
    AND (cases.id IS NULL OR cases.state = 'SETTLED')

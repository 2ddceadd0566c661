-- Rows in a state that their machine does not declare.
--
-- params: low, high bigint   the orders to look at: low < id <= high
--         order_states, case_states, writeback_states, rulebook_states text[]   what is declared
-- gives:  subject; one row an order, open case, write-back under way or rulebook version
SELECT orders.canonical_id AS subject
FROM reconciliation_order AS orders
WHERE
    orders.id > %(low)s
    AND orders.id <= %(high)s
    AND orders.state <> ALL(%(order_states)s::text[])
UNION ALL
SELECT format('exception #%%s', cases.id) AS subject
FROM exceptions_case AS cases
WHERE cases.state <> ALL(%(case_states)s::text[])
UNION ALL
SELECT format('write-back %%s', owed.id) AS subject
FROM reconciliation_writeback AS owed
WHERE owed.state <> ALL(%(writeback_states)s::text[])
UNION ALL
SELECT format('rulebook v%%s', versions.number) AS subject
FROM reconciliation_rulebookversion AS versions
WHERE versions.state <> ALL(%(rulebook_states)s::text[])

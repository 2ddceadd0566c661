-- Control totals of an upload: how many events of a type and currency, and what they add up to.
--
-- Only events that can be read are counted, so that the totals compare with the sender's own.
--
-- params: upload_id bigint
-- gives:  type, currency, events, amount_minor – one row a type and currency
SELECT
    items.type,
    items.currency,
    count(*) AS events,
    sum(items.amount_minor)::text AS amount_minor
FROM reconciliation_uploaditem AS items
WHERE items.upload_id = %(upload_id)s AND items.verdict <> 'rejected'
GROUP BY items.type, items.currency
ORDER BY items.type, items.currency

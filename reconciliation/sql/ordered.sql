-- The statement of what was ordered that is believed of each order: its source of truth's before
-- anyone's, then the newest, an amendment before a first statement, and a fixed choice at last.
--
-- gives: order_id, event_id, ordered_minor, currency; reads the CTE `counted`
SELECT DISTINCT ON (counted.order_id)
    counted.order_id,
    counted.event_id,
    counted.amount_minor AS ordered_minor,
    counted.currency
FROM counted
JOIN reconciliation_event AS events ON events.id = counted.event_id
JOIN reconciliation_source AS sources ON sources.id = events.source_id
WHERE counted.kind = 'ORDERED'
ORDER BY
    counted.order_id,
    EXISTS (
        SELECT 1
        FROM jsonb_array_elements_text(sources.truth_for) AS believed (prefix)
        WHERE starts_with(events.type, rtrim(believed.prefix, '*'))
    ) DESC,
    counted.occurred_at DESC,
    (events.type = 'order.amended') DESC,
    sources.slug DESC,
    events.event_id DESC

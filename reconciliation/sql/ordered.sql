-- The entries of the CTE `counted`, each told whether it is the statement of what was ordered that is
-- believed of its order: its source of truth's before anyone's, then the newest, an amendment before
-- a first statement, and a fixed choice at last. Where there is one statement, nobody is asked.
SELECT
    counted.*,
    COALESCE(counted.kind = 'ORDERED', FALSE) AND row_number() OVER (
        PARTITION BY counted.order_id
        ORDER BY
            counted.kind = 'ORDERED' DESC NULLS LAST,
            stated.is_truth DESC,
            counted.occurred_at DESC,
            stated.type = 'order.amended' DESC,
            stated.slug DESC,
            stated.event_id DESC
    ) = 1 AS is_believed
FROM counted
LEFT JOIN LATERAL (
    SELECT
        events.type,
        events.event_id,
        sources.slug,
        EXISTS (
            SELECT 1
            FROM jsonb_array_elements_text(sources.truth_for) AS believed (prefix)
            WHERE starts_with(events.type, rtrim(believed.prefix, '*'))
        ) AS is_truth
    FROM reconciliation_event AS events
    JOIN reconciliation_source AS sources ON sources.id = events.source_id
    WHERE events.id = counted.event_id AND counted.kind = 'ORDERED' AND counted.statements > 1
    OFFSET 0
) AS stated ON TRUE

-- An order that systems of one kind tell of, and those of another kind have never put anything on.
-- Counts from the latest of the moments in since, and not before the other system was listened to:
-- what is not connected, or is paused, cannot have told. What was taken back was not told; what is
-- told of a sub-order is told of its whole.
--
-- params: at          timestamptz  the moment this pass speaks of
--         told_by     text[]       kinds of sources, one of which has told of the order
--         missing_in  text[]       kinds of sources, one of which should have
--         and those of the window, hours or business days, which due_at is written from
-- gives:  order_id, verdict, due_at, expected_minor, actual_minor, at_risk_minor, details –
--         one row an order that the other side does not know; all others are fine
SELECT
    unknown.order_id,
    CASE WHEN unknown.due_at > %(at)s THEN 'WAITING' ELSE 'BROKEN' END AS verdict,
    CASE WHEN unknown.due_at > %(at)s THEN unknown.due_at END AS due_at,
    NULL::bigint AS expected_minor,
    NULL::bigint AS actual_minor,
    unknown.at_risk_minor,
    unknown.details
FROM (
    SELECT
        reconciliation_order.id AS order_id,
        {due_at} AS due_at,
        {at_risk} AS at_risk_minor,
        {details} || jsonb_build_object('told_by', heard.told_by) AS details
    FROM {orders} AS reconciliation_order
    CROSS JOIN (  -- one row, or none where no such system is connected
        SELECT min(sources.listening_since) AS listening_since
        FROM reconciliation_source AS sources
        WHERE sources.kind = ANY(%(missing_in)s::text[]) AND NOT sources.is_paused
        HAVING count(*) > 0
    ) AS connected
    CROSS JOIN LATERAL (
        SELECT
            jsonb_agg(DISTINCT sources.slug) FILTER (
                WHERE sources.kind = ANY(%(told_by)s::text[])
            ) AS told_by,
            COALESCE(bool_or(sources.kind = ANY(%(missing_in)s::text[])), FALSE) AS is_known
        FROM reconciliation_entry AS entries
        INNER JOIN reconciliation_event AS events ON events.id = entries.event_id
        INNER JOIN reconciliation_source AS sources ON sources.id = events.source_id
        WHERE
            entries.order_id = ANY(
                ARRAY(
                    SELECT reconciliation_order.id
                    UNION ALL
                    SELECT parts.id
                    FROM reconciliation_order AS parts
                    WHERE parts.parent_id = reconciliation_order.id
                )
            )
            AND entries.reverses_id IS NULL
            AND NOT EXISTS (
                SELECT
                FROM reconciliation_entry AS reversals
                WHERE
                    reversals.order_id = entries.order_id
                    AND reversals.reverses_id = entries.id
            )
    ) AS heard
    WHERE
        ({applies})
        AND heard.told_by IS NOT NULL
        AND NOT heard.is_known
) AS unknown

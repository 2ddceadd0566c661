-- Puts the news of the pass on each order's trail, numbered from 1 for each order.
--
-- params: at                timestamptz
--         actor             text
--         rulebook_version  integer
WITH given AS (
    SELECT
        'order'::text AS stream,
        news.order_id AS subject_id,
        news.action,
        %(actor)s::text AS actor,
        %(at)s::timestamptz AS at,
        ''::text AS from_state,
        ''::text AS to_state,
        COALESCE(checks.title, news.check_name) AS reason,
        NULL::bigint AS cause_event_id,
        %(rulebook_version)s::integer AS rulebook_version,
        jsonb_build_object(
            'check', news.check_name,
            'discrepancy', news.discrepancy_id,
            'compared', news.details
        ) AS detail,
        row_number() OVER (
            PARTITION BY news.order_id
            ORDER BY news.action, news.check_name
        ) AS hop
    FROM pass_news AS news
    LEFT JOIN pass_check AS checks ON checks.check_name = news.check_name
)
{record}

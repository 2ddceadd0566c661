-- Records that orders were made. The trail's own INSERT goes into the place in braces.
--
-- params: order_ids, event_ids bigint[]; called text[] – one order a place
--         actor text, at timestamptz
WITH given AS (
    SELECT
        'order'::text AS stream,
        made.order_id AS subject_id,
        'order.created'::text AS action,
        %(actor)s::text AS actor,
        %(at)s::timestamptz AS at,
        ''::text AS from_state,
        'CREATED'::text AS to_state,
        ''::text AS reason,
        made.event_id AS cause_event_id,
        NULL::integer AS rulebook_version,
        jsonb_build_object('canonical_id', made.called) AS detail,
        1 AS hop
    FROM unnest(%(order_ids)s::bigint[], %(event_ids)s::bigint[], %(called)s::text[])
        AS made (order_id, event_id, called)
)
{record}

-- Lays down a page of the source's own records.
--
-- params: places bigint[], types, references, order_references text[], moments timestamptz[],
--         data jsonb[] as text[], raw text[] – one record a place
INSERT INTO diff_record (place, type, reference, order_reference, occurred_at, data, raw)
SELECT
    given.place, given.type, given.reference, given.order_reference, given.occurred_at,
    given.data::jsonb, given.raw
FROM unnest(
    %(places)s::bigint[], %(types)s::text[], %(references)s::text[],
    %(order_references)s::text[], %(moments)s::timestamptz[], %(data)s::text[], %(raw)s::text[]
) AS given (place, type, reference, order_reference, occurred_at, data, raw)

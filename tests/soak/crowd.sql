-- Tells of many shop orders, each of one line, from five systems: events as they are received.
-- Of 40 orders six lack or have something, which for five is an exception. Events come in any order
-- within a few hundred orders, so that many are there before the order they name.
--
-- params: orders integer, at timestamptz
--         placed, money, lines jsonb   what an order, an amount and a parcel say
INSERT INTO reconciliation_event (
    source_id, sender, event_id, type, occurred_at, received_at, data, sha256, reference,
    order_reference, status, reasons
)
SELECT
    sources.id,
    '/' || told.slug,
    told.reference,
    told.type,
    %(at)s,
    %(at)s,
    told.data,
    sha256(told.data::text::bytea),
    told.reference,
    'N-' || told.number,
    'RECEIVED',
    '[]'
FROM (
    SELECT
        numbers.number,
        facts.slug,
        facts.type,
        facts.prefix || numbers.number AS reference,
        facts.data || jsonb_build_object(
            'order', 'N-' || numbers.number, facts.field, facts.prefix || numbers.number
        ) AS data
    FROM generate_series(1, %(orders)s) AS numbers(number)
    INNER JOIN (
        -- `missing` and `extra`: which one of 40 orders does not have it, or alone has it
        VALUES
        ('shop', 'order.created', 'order', 'N-', NULL, NULL, %(placed)s::jsonb),
        ('billing', 'invoice.issued', 'invoice', 'I-', 1, NULL, %(money)s::jsonb),
        ('card-payments', 'payment.captured', 'payment', 'P-', 2, NULL, %(money)s::jsonb),
        ('card-payments', 'payment.captured', 'payment', 'Q-', NULL, 3, %(money)s::jsonb),
        ('billing', 'payment.posted', 'posting', 'J-', 4, NULL, %(money)s::jsonb),
        ('carrier', 'shipment.shipped', 'shipment', 'S-', 5, NULL, %(lines)s::jsonb),
        ('shop', 'fulfilment.recorded', 'fulfilment', 'F-', 6, NULL, %(lines)s::jsonb)
    ) AS facts(slug, type, field, prefix, missing, extra, data)
        ON
        numbers.number %% 40 IS DISTINCT FROM facts.missing
        AND (facts.extra IS NULL OR numbers.number %% 40 = facts.extra)
) AS told
INNER JOIN reconciliation_source AS sources ON sources.slug = told.slug
ORDER BY told.number / 300, md5(told.reference)

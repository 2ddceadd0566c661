-- Orders as a shop has them three weeks on: billed, paid within two cents, posted, some of them
-- shipped or active; three in a hundred break one of eight checks. Positions are written beside the
-- entries that they come to. Numbers are the orders' keys.
--
-- params: low, high bigint – of the numbers, the first not among them; at timestamptz
CREATE TEMPORARY TABLE told ON COMMIT DROP AS
SELECT
    kinds.*,
    kinds.total + CASE kinds.breaks WHEN 1 THEN 700 ELSE 0 END AS invoiced,
    CASE kinds.breaks
        WHEN 0 THEN kinds.total - 500
        WHEN 1 THEN kinds.total + 700
        WHEN 4 THEN 0
        WHEN 7 THEN 2 * kinds.total
        ELSE kinds.total + CASE WHEN kinds.number %% 20 = 0 THEN 1 + kinds.number %% 2 ELSE 0 END
    END AS paid,
    CASE kinds.breaks WHEN 5 THEN kinds.total + 100 ELSE 0 END AS refunded,
    CASE WHEN kinds.breaks = 6 THEN 1 WHEN kinds.ships THEN 2 ELSE 0 END AS to_ship,
    CASE WHEN kinds.breaks = 6 THEN 3 WHEN kinds.ships THEN 2 ELSE 0 END AS shipped,
    CASE WHEN kinds.ships AND kinds.breaks IS DISTINCT FROM 3 THEN 2 ELSE 0 END AS recorded,
    kinds.breaks = 4 IS TRUE AS activates
FROM (
    SELECT
        numbers.number,
        1000 + numbers.number * 31 %% 90000 AS total,
        planted.breaks,
        numbers.number %% 100 < 15 OR planted.breaks IN (3, 6) AS ships,
        %(at)s::timestamptz - interval '21 days' AS first_at
    FROM generate_series(%(low)s::bigint + 1, %(high)s::bigint) AS numbers (number)
    CROSS JOIN LATERAL (SELECT {breaks} AS breaks) AS planted
) AS kinds;

INSERT INTO reconciliation_order (id, {order_columns})
SELECT told.number, {order_values} FROM told;

INSERT INTO reconciliation_orderline (
    order_id, line, sku, description, quantity, unit_minor, fulfil
)
SELECT
    told.number, '1', 'SKU', 'Thing', GREATEST(told.to_ship, 1), told.total,
    CASE WHEN told.activates THEN 'ACTIVATE' ELSE 'SHIP' END
FROM told
WHERE told.ships OR told.activates;

INSERT INTO reconciliation_entry (
    order_id, event_id, number, kind, line, amount_minor, currency, quantity, reference, occurred_at
)
SELECT
    told.number, told.number, entries.number, entries.kind, entries.line, entries.amount, 'EUR',
    entries.quantity, entries.reference, told.first_at + entries.number * interval '1 hour'
FROM told
CROSS JOIN LATERAL (
    VALUES
        (0, 'ORDERED', '', told.total, 0, '', TRUE),
        (1, 'CONFIRMED', '', 0, 0, '', told.breaks IN (0, 4)),
        (2, 'INVOICED', '', told.invoiced, 0, 'i', TRUE),
        (3, 'PAID', '', CASE told.breaks WHEN 7 THEN told.total ELSE told.paid END, 0, 'p',
            told.paid > 0),
        (4, 'PAID', '', told.total, 0, 'q', told.breaks = 7),
        (5, 'REFUNDED', '', told.refunded, 0, 'r', told.refunded > 0),
        (6, 'POSTED', '', told.paid, 0, 'p', told.paid > 0 AND told.breaks IS DISTINCT FROM 2),
        (7, 'SHIPPED', '1', 0, told.shipped, 's', told.shipped > 0),
        (8, 'FULFILMENT_RECORDED', '1', 0, told.recorded, 'f', told.recorded > 0),
        (9, 'ACTIVATED', '', 0, 1, 'a', told.activates)
) AS entries (number, kind, line, amount, quantity, reference, is_told)
WHERE entries.is_told;

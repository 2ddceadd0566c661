
-- Refuses every deletion: an order is kept for ever, a merged one with merged_into.
BEGIN
    RAISE EXCEPTION 'Orders are never deleted.' USING ERRCODE = 'check_violation';
END

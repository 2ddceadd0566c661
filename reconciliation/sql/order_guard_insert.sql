
-- Refuses an order that begins anywhere but at the beginning.
BEGIN
    IF EXISTS (
        SELECT 1 FROM new_orders WHERE new_orders.state <> 'CREATED' OR new_orders.version <> 0
    ) THEN
        RAISE EXCEPTION 'An order begins as CREATED, version 0.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END

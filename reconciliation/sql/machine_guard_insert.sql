
-- Refuses a row that begins anywhere but at the beginning.
BEGIN
    IF EXISTS (SELECT 1 FROM new_rows WHERE {elsewhere}) THEN
        RAISE EXCEPTION '{noun}s begin as {beginning}.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END

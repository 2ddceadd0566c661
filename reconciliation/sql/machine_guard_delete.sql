
-- Refuses every deletion: what was decided about a row, and done, is kept with it.
BEGIN
    IF EXISTS (SELECT 1 FROM old_rows) THEN
        RAISE EXCEPTION '{noun}s are never deleted.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END

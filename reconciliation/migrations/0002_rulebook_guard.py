"""Keeps the content of a rulebook version as it was when it left Draft."""

from django.db import migrations

GUARD = """
CREATE FUNCTION rulebook_keep_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'Rulebook version % left Draft and cannot be deleted.', old.number
            USING ERRCODE = 'check_violation';
    END IF;
    IF (new.number, new.content, new.content_sha256, new.author, new.created_at)
        IS DISTINCT FROM (old.number, old.content, old.content_sha256, old.author, old.created_at)
    THEN
        RAISE EXCEPTION 'Rulebook version % left Draft and cannot be changed.', old.number
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER rulebook_keep_content BEFORE UPDATE OR DELETE ON reconciliation_rulebookversion
    FOR EACH ROW WHEN (old.state <> 'DRAFT') EXECUTE FUNCTION rulebook_keep_content();
"""
UNDO = """
DROP TRIGGER rulebook_keep_content ON reconciliation_rulebookversion;
DROP FUNCTION rulebook_keep_content();
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNDO)]

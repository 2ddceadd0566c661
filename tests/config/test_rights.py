"""What the application's role may not do, whatever the code above it tries."""

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection

from config.database import APPEND_ONLY

pytestmark = pytest.mark.django_db


def test_the_tests_work_as_a_role_that_is_neither_owner_nor_superuser() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolname FROM pg_roles WHERE rolname = current_user")
        (is_superuser, name) = cursor.fetchone()

    assert not is_superuser
    assert name != settings.DATABASES["owner"]["USER"]


COLUMNS = {
    "audit_auditevent": "actor",
    "audit_sealleaf": "leaf_hash",
    "audit_checkpoint": "note",
    "audit_anchor": "location",
}


def test_every_table_that_is_only_added_to_is_tried() -> None:
    assert set(COLUMNS) == set(APPEND_ONLY)


@pytest.mark.parametrize(("table", "column"), COLUMNS.items())
@pytest.mark.parametrize(
    "statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0}"]
)
def test_the_trail_is_only_ever_added_to(table: str, column: str, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(statement.format(table, column))


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE reconciliation_order",
        "ALTER TABLE audit_auditevent DISABLE TRIGGER ALL",
        "DROP TABLE reconciliation_entry",
        "CREATE TABLE mine (id integer)",
        "SET session_replication_role = replica",
    ],
)
def test_no_table_is_emptied_dropped_made_or_left_unguarded(statement: str) -> None:
    refused = "permission denied|must be owner"

    with pytest.raises(ProgrammingError, match=refused), connection.cursor() as cursor:
        cursor.execute(statement)

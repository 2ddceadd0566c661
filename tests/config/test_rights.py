"""What the application's role may not do, whatever the code above it tries."""

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection

from config.database import append_only

pytestmark = pytest.mark.django_db


def test_the_tests_work_as_a_role_that_is_neither_owner_nor_superuser() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolname FROM pg_roles WHERE rolname = current_user")
        (is_superuser, name) = cursor.fetchone()

    assert not is_superuser
    assert name != settings.DATABASES["owner"]["USER"]


@pytest.mark.parametrize("table", append_only())
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET ({column}) = ROW ({column})", "DELETE FROM {}", "TRUNCATE {}"],
)
def test_trail_and_histories_are_only_ever_added_to(table: str, statement: str) -> None:
    with connection.cursor() as cursor:
        (*_others, column) = connection.introspection.get_table_description(cursor, table)
        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute(statement.format(table, column=column.name))


def test_the_trail_and_the_history_of_orders_are_among_them() -> None:
    expected = {"audit_auditevent", "audit_checkpoint", "reconciliation_historicalorder"}

    assert expected <= set(append_only())


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

"""`migrate`: what it applied, whose database it takes, and back to nothing and on again."""

import io
import json
import os

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.migrations import RunSQL
from django.db.migrations.recorder import MigrationRecorder

from config.scratch import scratch_database
from reconciliation.at_once import CreateAtOnce

_BOTH = pytest.mark.django_db(databases=["default", "owner"])
_BEFORE = (
    ("audit", "0003_guards"),
    ("exceptions", "0014_queue_sorts"),
    ("reconciliation", "0027_search"),
)


def _applied() -> list[str]:
    out = io.StringIO()
    call_command("migrate", "--json", stdout=out)
    applied: list[str] = json.loads(out.getvalue())["applied"]
    return applied


@_BOTH
def test_it_says_what_it_applied() -> None:
    assert _applied() == []


@_BOTH
@pytest.mark.parametrize("name", ["0002_rulebook_guard", "0099_of_a_later_version"])
def test_a_database_of_another_version_is_refused(name: str) -> None:
    MigrationRecorder(connections["owner"]).record_applied("reconciliation", name)

    with pytest.raises(CommandError, match=rf"reconciliation\.{name} is unknown here"):
        call_command("migrate", verbosity=0)


@_BOTH
def test_a_database_as_it_was_before_the_tables_came_at_once_is_taken() -> None:
    for app, name in _BEFORE:
        MigrationRecorder(connections["owner"]).record_applied(app, name)

    assert _applied() == []


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_all_can_be_taken_back_and_made_again() -> None:
    with scratch_database(name=f"recon_back_{os.getpid()}"):
        call_command("migrate", "audit", "zero", verbosity=0)  # and so what stands on it
        left = _ours()

        assert _applied() == [
            f"{app}.0001_initial" for app in ("audit", "exceptions", "reconciliation")
        ]
        made = _ours()

    assert left == set()
    assert {"audit_check_insert", "case_guard_update", "reconciliation_order"} <= made


def test_nothing_is_said_to_be_done_at_once_that_would_not_be_done() -> None:
    with pytest.raises(TypeError, match="Raw SQL"):
        CreateAtOnce([RunSQL("SELECT 1")])


def _ours() -> set[str]:
    """Name our tables and functions."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT name FROM (SELECT relname AS name, relnamespace AS space FROM pg_class"
            " UNION SELECT proname, pronamespace FROM pg_proc) AS known"
            " WHERE space = 'public'::regnamespace"
            " AND name ~ '^(audit|case|order|rulebook|writeback|exceptions|reconciliation)_'"
        )
        return {name for (name,) in cursor.fetchall()}

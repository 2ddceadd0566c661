"""`manage.py reconcile`."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from reconciliation.models import Recheck
from tests.reconciliation.worlds import NOON, order, rules

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("reconcile", *arguments, stdout=out)
    return out.getvalue()


def test_it_judges_what_is_due_at_the_moment_given() -> None:
    rules()
    mine = order(paid_minor=100, ordered_minor=100, paid_at=NOON)
    Recheck.objects.create(order=mine, due_at=NOON)

    found = json.loads(said("--at", "2026-11-04T12:00Z", "--json"))

    assert found == {
        "at": "2026-11-04T12:00:00+00:00", "judged": 1, "holds": 0, "waiting": 0, "broken": 1,
        "opened": 1, "cleared": 0,
    }  # fmt: skip


def test_all_judges_what_is_not_due() -> None:
    rules()
    order()

    assert "0 orders judged" in said()
    assert "1 orders judged: 1 agree" in said("--all", "--at", "2026-11-04")


def test_without_a_rulebook_it_fails() -> None:
    with pytest.raises(CommandError, match="No rulebook version is live"):
        said("--all")


def test_a_moment_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="is no moment"):
        said("--at", "yesterday")

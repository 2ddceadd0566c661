"""The rulebook: what is shipped, what is refused, what cannot be changed."""

import copy
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django_fsm import TransitionNotAllowed

from audit.models import AuditEvent
from reconciliation import rulebook
from reconciliation.models import RulebookVersion
from tests.reconciliation.worlds import NOON, rules


@pytest.fixture
def content() -> dict[str, Any]:
    return copy.deepcopy(rulebook.shipped())


def test_what_is_shipped_is_a_rulebook(content: dict[str, Any]) -> None:
    assert rulebook.problems(content) == []


@pytest.mark.django_db
def test_version_one_goes_live_with_every_move_on_the_trail() -> None:
    live = rules()

    assert (live.number, len(live.checks)) == (1, len(rulebook.shipped()["checks"]))
    assert live.check("paid_twice").title == "Charged twice"
    assert list(
        AuditEvent.objects.filter(stream="rulebook").order_by("sequence").values_list("to_state")
    ) == [("DRAFT",), ("IN_REVIEW",), ("APPROVED",), ("LIVE",)]
    assert RulebookVersion.history.count() == 4


@pytest.mark.django_db
def test_installing_again_changes_nothing() -> None:
    rules()

    assert rulebook.publish_first(at=NOON) is rulebook.live()
    assert RulebookVersion.objects.count() == 1


@pytest.mark.django_db
def test_without_a_live_version_nothing_can_be_judged() -> None:
    with pytest.raises(rulebook.NoRulebook):
        rulebook.live()


@pytest.mark.parametrize("change", [{"content": {}}, {"content_sha256": "0"}, {"number": 9}])
@pytest.mark.django_db
def test_a_published_version_cannot_be_changed(change: dict[str, Any]) -> None:
    rules()

    with pytest.raises(IntegrityError, match="cannot be changed"), transaction.atomic():
        RulebookVersion.objects.update(**change)


@pytest.mark.django_db
def test_a_published_version_cannot_be_deleted() -> None:
    rules()

    with pytest.raises(IntegrityError, match="cannot be deleted"), transaction.atomic():
        RulebookVersion.objects.all().delete()


@pytest.mark.django_db
def test_a_draft_can_be_changed() -> None:
    rules()
    draft = RulebookVersion.objects.create(
        number=2, content={}, content_sha256="", author="ada", created_at=NOON
    )

    draft.content = rulebook.shipped()
    draft.save()

    assert RulebookVersion.objects.get(number=2).content == rulebook.shipped()


def test_its_author_cannot_approve_it() -> None:
    version = RulebookVersion(number=2, author="ada", approver="ada", content={})
    version.submit()

    with pytest.raises(TransitionNotAllowed):
        version.approve()


def test_every_problem_is_said_at_once(content: dict[str, Any]) -> None:
    del content["checks"][0]["title"]
    content["checks"][1]["parameters"]["hours"] = -1

    found = rulebook.problems(content)

    assert len(found) == 2
    assert found[0].startswith("/checks/0: ")
    assert found[1].startswith("/checks/1/parameters/hours: ")


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("checks", 1, "name"), "invoiced_twice", "check invoiced_twice stands twice"),
        (("checks", 0, "rests_on"), ["nothing"], "rests on nothing, which is no check"),
        (("checks", 0, "rests_on"), ["paid_vs_invoiced"], "invoiced_twice rests on itself"),
        (("automations", 0, "check"), "nothing", "names nothing, which is no check"),
        (("clocks", 1, "calendar"), "Night", "names the calendar Night, which is missing"),
    ],
)
def test_names_must_stand_for_something(
    content: dict[str, Any], path: tuple[str, int, str], value: object, problem: str
) -> None:
    part, index, key = path
    content[part][index][key] = value

    with pytest.raises(rulebook.BadRulebook, match=problem):
        rulebook.parse(number=2, content=content)


def test_a_check_rests_on_what_its_foundations_rest_on(content: dict[str, Any]) -> None:
    parsed = rulebook.parse(number=1, content=content)

    assert "invoiced_twice" in parsed.foundations("invoiced_vs_ordered")
    assert parsed.foundations("silent_order") == {check.name for check in parsed.order_checks()} - {
        "silent_order"
    }

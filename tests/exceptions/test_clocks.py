"""Clocks follow every move: they rest in a wait, and their moments can be worked out again."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from exceptions import clocks, intake, ownership, sla, words
from exceptions.models import Case, ClockInterval, ClockPlan
from reconciliation import rulebook
from reconciliation.models import Calendar
from tests.exceptions.people import (
    WEDNESDAY,
    broken,
    fresh,
    install_product,
    operator,
    person,
)

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
NIGHT = timedelta(hours=15)  # what is due at closing time and later is due after it


@pytest.fixture
def _world(db: None) -> None:
    install_product()


def opened(at_risk_minor: int = 5_000) -> Case:
    """Open a P2, or with little at risk a P3, whose clock rests for a customer."""
    broken(at_risk_minor=at_risk_minor, check_name="active_not_paid")
    intake.take(limit=10, at=WEDNESDAY)
    return Case.objects.get()


def lay_aside(case: Case, *, hours: float, until: float, waiting_for: str = "customer") -> None:
    ownership.snooze(
        case_id=case.pk,
        waiting_for=waiting_for,
        until=WEDNESDAY + until * HOUR,
        by=operator("op"),
        at=WEDNESDAY + hours * HOUR,
    )


@pytest.mark.usefixtures("_world")
def test_a_clock_rests_while_the_customer_is_waited_for_and_goes_on_after() -> None:
    case = opened()
    due = case.resolve_due_at
    assert due is not None
    lay_aside(case, hours=1, until=4)

    resting = fresh(case)
    assert (resting.resolve_due_at, resting.state) == (due + NIGHT + 3 * HOUR, "WAITING")
    ownership.wake(
        case_id=case.pk, by=operator("ann"), at=WEDNESDAY + 2 * HOUR
    )  # earlier than meant

    assert fresh(case).resolve_due_at == due + NIGHT + HOUR
    assert fresh(case).paused_minutes_left is None
    assert clocks.differing() == []


@pytest.mark.usefixtures("_world")
def test_the_pill_says_what_is_left_of_a_resting_clock() -> None:
    case = opened()
    lay_aside(case, hours=1, until=4)

    said = words.resolve_clock(fresh(case), at=WEDNESDAY + 3 * HOUR)

    assert (said.text, said.tone, said.icon) == ("Paused, 15 h left", "paused", "bars")


@pytest.mark.usefixtures("_world")
def test_a_wait_that_pauses_nothing_moves_no_deadline() -> None:
    case = opened()
    lay_aside(case, hours=1, until=4, waiting_for="snooze")

    assert fresh(case).resolve_due_at == case.resolve_due_at
    assert fresh(case).paused_minutes_left is None
    assert clocks.differing() == []


@pytest.mark.usefixtures("_world")
def test_the_time_that_a_case_was_dismissed_does_not_count() -> None:
    case, ada = opened(), person("ada", "Admin", team="")
    assert case.resolve_due_at is not None
    ownership.dismiss(case_id=case.pk, reason="fine", by=ada, at=WEDNESDAY + HOUR)
    ownership.reopen(case_id=case.pk, by=ada, at=WEDNESDAY + 3 * HOUR)

    assert fresh(case).resolve_due_at == case.resolve_due_at + NIGHT + 2 * HOUR
    kinds = ClockInterval.objects.order_by("began_at").values_list("waiting_for", flat=True)
    assert list(kinds) == ["", "closed", ""]
    assert clocks.differing() == []


@pytest.mark.usefixtures("_world")
def test_a_calendar_that_changes_later_moves_no_clock_that_runs() -> None:
    case = opened()
    before = clocks.steps_of(case)

    Calendar.objects.update(weekdays=[6, 7])

    assert clocks.steps_of(fresh(case)) == before
    assert ClockPlan.objects.count() == 1


@pytest.mark.usefixtures("_world")
def test_a_more_urgent_plan_brings_the_deadline_nearer_and_keeps_what_was() -> None:
    case = opened()
    urgent = sla.plan_of(
        rules=rulebook.live(),
        severity="P1",
        check=case.check_name,
        team=case.team.slug,
        team_hours=sla.hours_of(case.team.calendar),
    )
    clocks.change_plan(case, plan=urgent, at=WEDNESDAY + HOUR)
    case.save()

    assert fresh(case).resolve_due_at == WEDNESDAY + 5 * HOUR
    assert fresh(case).next_escalation_at == WEDNESDAY + HOUR
    assert clocks.differing() == []


class AnyLife(TestCase):
    """Whatever is done to a case, in whatever order, its moments are those of its intervals."""

    @classmethod
    def setUpTestData(cls) -> None:
        """Install once."""
        install_product()

    @settings(max_examples=20)
    @given(
        moves=st.lists(
            st.tuples(
                st.sampled_from(["customer", "snooze", "wake", "claim", "dismiss", "reopen"]),
                st.integers(1, 400),
            ),
            max_size=8,
        ),
        at_risk=st.sampled_from([5_000, 500, 200_000]),
    )
    def test_moments_are_those_of_the_intervals(
        self, moves: list[tuple[str, int]], at_risk: int
    ) -> None:
        """Try many lives."""
        case, ada, at = opened(at_risk), person("ada", "Admin", team=""), WEDNESDAY

        for name, minutes in moves:
            at += timedelta(minutes=minutes)
            _try(name, case, by=ada, at=at)

        assert clocks.differing() == []


def _try(name: str, case: Case, *, by: User, at: datetime) -> None:
    given: dict[str, Any] = {"case_id": case.pk, "by": by, "at": at}
    verbs: dict[str, tuple[Callable[..., Case], dict[str, str]]] = {
        "wake": (ownership.wake, {}),
        "claim": (ownership.claim, {}),
        "dismiss": (ownership.dismiss, {"reason": "fine"}),
        "reopen": (ownership.reopen, {}),
    }
    with suppress(ownership.Cannot):
        if name in verbs:
            verb, more = verbs[name]
            verb(**given, **more)
        else:
            ownership.snooze(**given, until=at + 2 * HOUR, waiting_for=name)

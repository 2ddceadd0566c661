"""Snoozes end by themselves: at their moment, or when what they wait for is heard of."""

from datetime import datetime, timedelta

import pytest

from audit.queries import trail
from exceptions import clocks, intake, ownership, wake
from exceptions.models import Case, Message, Snooze
from reconciliation import apply
from tests.exceptions.people import WEDNESDAY, broken, fresh, install_product, operator
from tests.world import place, say

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _installed(db: None) -> None:
    install_product()


def opened(order: str = "O-1", *, at_risk_minor: int = 5_000) -> Case:
    place(order, WEDNESDAY - HOUR)
    apply.take(limit=10, at=WEDNESDAY - HOUR)
    found = broken("active_not_paid", order=order, at_risk_minor=at_risk_minor)
    intake.take(limit=10, at=WEDNESDAY)
    return Case.objects.get(discrepancy=found)


def snooze(case: Case, *, hours: float = 48, on: str = "", at: datetime = WEDNESDAY) -> Case:
    by = operator(f"op-{case.pk}")
    return ownership.snooze(
        case_id=case.pk, until=at + hours * HOUR, by=by, at=at, wake_on=on, reason="Wait."
    )


def ship(order: str, at: datetime) -> None:
    say("carrier", "shipment.shipped", order, at, shipment=f"P-{order}",
        lines=[{"line": "1", "quantity": 1}])  # fmt: skip
    apply.take(limit=10, at=at)


def test_a_case_wakes_at_its_moment_and_not_before() -> None:
    case = snooze(opened(), hours=1)

    wake.take(limit=10, at=WEDNESDAY + 0.9 * HOUR)
    assert fresh(case).state == "WAITING"
    wake.take(limit=10, at=WEDNESDAY + HOUR)

    assert (fresh(case).state, fresh(case).waits_until) == ("IN_PROGRESS", "")
    assert Snooze.objects.get().ended_by == wake.ACTOR


def test_a_case_wakes_when_what_it_waits_for_is_heard_of_and_says_why() -> None:
    case = snooze(opened(), on="shipment")
    Case.objects.update(owner=operator("olga"))

    ship("O-1", WEDNESDAY + HOUR)
    wake.take(limit=10, at=WEDNESDAY + HOUR)

    assert fresh(case).state == "IN_PROGRESS"
    woken = trail(stream="case", subject_id=case.pk).defer(None).latest("sequence")
    assert (woken.action, woken.reason) == ("case.woken", "Carrier said shipment.shipped.")
    assert woken.cause_event_id == Snooze.objects.get().woken_by_id
    assert Message.objects.latest("pk").subject.endswith("woke: Carrier said shipment.shipped")


@pytest.mark.parametrize(("on", "state"), [("news", "IN_PROGRESS"), ("settlement", "WAITING")])
def test_only_what_was_asked_for_wakes_it(on: str, state: str) -> None:
    case = snooze(opened(), on=on)

    ship("O-1", WEDNESDAY + HOUR)
    wake.take(limit=10, at=WEDNESDAY + HOUR)

    assert fresh(case).state == state


def test_what_was_known_before_and_what_is_said_of_others_wakes_nothing() -> None:
    case = opened()
    opened("O-2")
    ship("O-1", WEDNESDAY + HOUR)
    snooze(case, on="shipment", at=WEDNESDAY + 2 * HOUR)

    ship("O-2", WEDNESDAY + 3 * HOUR)
    wake.take(limit=10, at=WEDNESDAY + 3 * HOUR)

    assert fresh(case).state == "WAITING"


def test_a_condition_that_never_comes_ends_at_its_moment() -> None:
    case = snooze(opened(), on="settlement", hours=2)

    wake.take(limit=10, at=WEDNESDAY + 2 * HOUR)

    assert fresh(case).state == "IN_PROGRESS"


def test_a_p1_wakes_at_its_deadline_whatever_was_asked() -> None:
    case = opened(at_risk_minor=200_000)

    snooze(case, hours=100)

    assert fresh(case).snoozed_until == case.resolve_due_at == WEDNESDAY + 4 * HOUR


def test_a_p1_over_its_deadline_is_not_laid_aside() -> None:
    case = opened(at_risk_minor=200_000)

    with pytest.raises(ownership.Cannot, match="not laid aside"):
        snooze(case, at=WEDNESDAY + 5 * HOUR)


def test_a_snooze_is_over_with_whatever_ends_the_wait() -> None:
    case = snooze(opened(), on="news")

    ownership.claim(case_id=case.pk, by=operator("olga"), at=WEDNESDAY + HOUR)

    assert (Snooze.objects.get().ended_by, fresh(case).waits_until) == ("olga", "")
    assert clocks.differing() == []

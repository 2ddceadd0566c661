"""The numbers of the metrics page that cases tell."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from exceptions import comments, intake, metrics, ownership
from exceptions.models import Case
from reconciliation import discrepancies
from reconciliation.metrics import Amount
from reconciliation.models import Discrepancy, Membership, Team
from tests.reconciliation.worlds import HOUR, NOON, order, rules

pytestmark = pytest.mark.django_db
DAY = 24 * HOUR
PERIOD: dict[str, Any] = {"since": NOON, "until": NOON + 10 * DAY}


@pytest.fixture
def ada() -> User:
    rules()
    ada = User.objects.create_user("ada")
    ada.groups.add(Group.objects.get_or_create(name="Operator")[0])
    Membership.objects.create(user=ada, team=Team.objects.get(slug="revenue-ops"))
    return ada


def opened(name: str, after: timedelta = 0 * HOUR, risk: int = 0) -> Case:
    found = discrepancies.open_for(
        check_name="paid_twice", order=order(name, placed_at=NOON), at=NOON + after,
        at_risk_minor=risk, currency="EUR",
    )  # fmt: skip
    intake.take(limit=10, at=NOON + after)
    return Case.objects.get(discrepancy=found)


def settled(case: Case, after: timedelta) -> None:
    Discrepancy.objects.filter(pk=case.discrepancy_id).update(cleared_at=NOON + after)
    intake.take(limit=10, at=NOON + after)


def test_what_a_person_touched_was_not_settled_by_itself(ada: User) -> None:
    alone, taken, fine, _still_open = (opened(f"A-{number}") for number in range(4))
    ownership.claim(case_id=taken.pk, by=ada, at=NOON + HOUR)
    ownership.dismiss(case_id=fine.pk, reason="agreed", by=ada, at=NOON + HOUR)
    for case in (alone, taken):
        settled(case, 2 * HOUR)

    share = metrics.settled_by_itself(**PERIOD)

    assert (share.numerator, share.denominator) == (1, 3)
    assert share.left_out == (("dismissed as fine", 1),)


def test_a_case_settled_when_it_is_due_was_in_time(ada: User) -> None:
    intime, late = opened("A-1"), opened("A-2")
    assert intime.resolve_due_at is not None
    settled(intime, intime.resolve_due_at - NOON)
    settled(late, intime.resolve_due_at - NOON + timedelta(microseconds=1))

    share = metrics.settled_in_time(**PERIOD)

    assert (share.numerator, share.denominator) == (1, 2)


def test_taking_a_case_is_a_handoff_and_opening_one_is_not(ada: User) -> None:
    case = opened("A-1")
    opened("A-2")
    ownership.claim(case_id=case.pk, by=ada, at=NOON + HOUR)
    comments.comment(case_id=case.pk, text="looking", by=ada, at=NOON + HOUR)

    handoffs = metrics.manual_handoffs(**PERIOD)

    assert (handoffs.count, handoffs.orders, handoffs.per_thousand) == (1, 2, 500.0)
    assert metrics.manual_handoffs(since=NOON + 2 * HOUR, until=NOON + DAY).count == 0
    assert metrics.manual_handoffs(**PERIOD, team="platform").count == 0


def test_a_rate_over_no_orders_is_unknown(ada: User) -> None:
    assert metrics.manual_handoffs(**PERIOD).per_thousand is None


def test_open_work_is_counted_by_team_and_state(ada: User) -> None:
    case = opened("A-1")
    opened("A-2")
    settled(opened("A-3"), HOUR)
    ownership.claim(case_id=case.pk, by=ada, at=NOON + HOUR)

    (work,) = metrics.open_work()

    assert (work.team, work.total) == ("revenue-ops", 2)
    assert work.by_state == (("NEW", 1), ("IN_PROGRESS", 1))
    assert metrics.open_work(team="platform") == []


def test_open_cases_are_sorted_into_ages(ada: User) -> None:
    opened("A-1", 0 * HOUR, risk=100)
    opened("A-2", 4 * HOUR, risk=50)
    opened("A-3", 3 * DAY)

    buckets = metrics.ageing(at=NOON + 3 * DAY)

    assert [(bucket.name, bucket.count) for bucket in buckets] == [
        ("under 4 h", 1),
        ("4 to 24 h", 0),
        ("1 to 3 days", 1),
        ("over 3 days", 1),
    ]
    assert buckets[-1].at_risk == (Amount("EUR", 100, 1),)

"""The numbers of the metrics page that orders and discrepancies tell."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from reconciliation import discrepancies, metrics, reconcile
from reconciliation.metrics import Amount, Durations, Share
from reconciliation.models import Discrepancy, Order
from tests.reconciliation.worlds import HOUR, NOON, order, rules

pytestmark = pytest.mark.django_db
DAY = 24 * HOUR
PERIOD: dict[str, Any] = {"since": NOON, "until": NOON + 10 * DAY}


@pytest.fixture(autouse=True)
def _live() -> None:
    rules()


def broken(name: str, opened: timedelta, took: timedelta | None = None, **fields: object) -> None:
    """Make an order with one discrepancy, cleared after `took`."""
    mine = order(name, placed_at=NOON)
    found = discrepancies.open_for(
        check_name=str(fields.pop("check", "paid_twice")), order=mine, at=NOON + opened
    )
    moment = None if took is None else NOON + opened + took
    Discrepancy.objects.filter(pk=found.pk).update(cleared_at=moment, currency="EUR", **fields)


def test_the_exception_rate_counts_each_order_placed_in_the_period_once() -> None:
    broken("A-1", DAY)
    discrepancies.open_for(check_name="paid_not_posted", order=Order.objects.get(), at=NOON)
    order("A-2", placed_at=NOON + 10 * DAY - timedelta(microseconds=1))
    order("A-3", placed_at=NOON + 10 * DAY)
    order("A-4", placed_at=NOON, merged_into=Order.objects.get(canonical_id="A-2"))

    rate = metrics.exception_rate(**PERIOD)

    assert rate == Share(1, 2, (("merged into another order", 1),))
    assert rate.ratio == 0.5
    assert metrics.exception_rate(**PERIOD, team="customer-ops").numerator == 0


def test_a_share_of_nothing_is_unknown() -> None:
    assert metrics.exception_rate(**PERIOD).ratio is None


def test_time_to_reconcile_is_of_what_was_cleared_in_the_period() -> None:
    for number, hours in enumerate((1, 2, 3, 4, 100)):
        broken(f"A-{number}", DAY, hours * HOUR)
    broken("B-1", 9 * DAY, 3 * DAY)
    broken("B-2", DAY)

    took = metrics.time_to_reconcile(**PERIOD)

    assert took == Durations(5, 3 * HOUR, 4 * HOUR + 0.6 * 96 * HOUR)
    assert metrics.time_to_reconcile(**PERIOD, team="platform") == Durations(0, None, None)


def test_each_day_has_its_own_times() -> None:
    broken("A-1", DAY, 2 * HOUR)
    broken("A-2", 2 * DAY, 4 * HOUR)

    days = metrics.time_to_reconcile_by_day(**PERIOD)

    assert [(day.date.day, day.durations.median) for day in days] == [(3, 2 * HOUR), (4, 4 * HOUR)]


def test_what_was_waived_was_not_reconciled() -> None:
    mine = order(paid_minor=5, ordered_minor=5, paid_at=NOON - 3 * DAY, placed_at=NOON)
    reconcile.judge(order_ids=[mine.pk], at=NOON)
    discrepancies.waive(
        discrepancy_id=Discrepancy.objects.get().pk,
        reason="agreed",
        by=User.objects.create_user("ada"),
        at=NOON + HOUR,
    )
    reconcile.take(limit=5, at=NOON + HOUR)

    assert metrics.time_to_reconcile(**PERIOD).count == 0
    assert metrics.waived(**PERIOD) == 1


def test_revenue_waiting_is_summed_by_currency() -> None:
    broken("A-1", DAY, at_risk_minor=500)
    broken("A-2", DAY, at_risk_minor=200)
    broken("A-3", DAY, HOUR, at_risk_minor=900)
    broken("A-4", DAY, at_risk_minor=0)

    assert metrics.revenue_waiting() == [Amount("EUR", 700, 2)]


def test_failure_modes_add_up_most_frequent_first() -> None:
    for number in range(3):
        broken(f"A-{number}", DAY, check="paid_not_posted")
    broken("B-1", DAY)
    broken("B-2", 10 * DAY)

    modes = metrics.failure_modes(**PERIOD)

    assert [(mode.title, mode.count, mode.running_share, mode.is_automated) for mode in modes] == [
        ("Paid, not posted", 3, 0.75, True),
        ("Charged twice", 1, 1.0, False),
    ]

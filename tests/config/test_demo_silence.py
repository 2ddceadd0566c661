"""The demo company's own systems are never taken for silent, and one that stops is noticed."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import pairwise

import pytest

from config.demo.company import Company
from config.demo.telling import Telling, tales
from config.premises import STEP, SYSTEMS
from reconciliation import rhythm

DAYS, LIVE = 60, timedelta(days=2)
STARTS_AT = datetime(2026, 9, 21, 6, tzinfo=UTC)
LIVE_AT = STARTS_AT + timedelta(days=DAYS)
RELEARNT = timedelta(hours=6)
ZONE = "Europe/Berlin"  # as its teams' calendar


def heard(orders: int) -> Mapping[str, list[datetime]]:
    """Give when each system was heard: its past in steps, as it is driven, then as it speaks."""
    company = Company(seed=7, starts_at=STARTS_AT, days=DAYS, orders=orders)
    deliveries, _ = Telling(tales(company)).until(LIVE_AT + LIVE)
    moments: dict[str, set[datetime]] = {system.slug: set() for system in SYSTEMS}
    for delivery in deliveries:
        step = STEP if delivery.at < LIVE_AT else rhythm.BUCKET
        whole = -((STARTS_AT - delivery.at) // step)
        moments[delivery.sender].add(STARTS_AT + whole * step)
    return {slug: sorted(found) for slug, found in moments.items()}


def known_at(arrivals: Sequence[datetime], at: datetime) -> rhythm.Rhythm | None:
    since = at - rhythm.WEEKS * timedelta(weeks=1)
    return rhythm.learn(
        arrivals[bisect_right(arrivals, since) : bisect_right(arrivals, at)], zone=ZONE
    )


@pytest.mark.parametrize("orders", [600, 4_000])
def test_no_system_is_silent_while_the_company_lives(orders: int) -> None:
    alarms = []
    for slug, arrivals in heard(orders).items():
        learn = cache(partial(known_at, arrivals))
        for earlier, later in pairwise(arrivals[bisect_right(arrivals, LIVE_AT) - 1 :]):
            known = learn(earlier - (earlier - LIVE_AT) % RELEARNT)
            if known and rhythm.is_silent(known, since=earlier, at=later):
                alarms.append((slug, earlier, later))

    assert alarms == []


@pytest.mark.parametrize("slug", ["billing", "carrier", "card-payments"])
def test_a_system_that_stops_is_noticed_within_a_day(slug: str) -> None:
    arrivals = heard(4_000)[slug]
    spoken = arrivals[: bisect_right(arrivals, LIVE_AT)]

    known = known_at(spoken, LIVE_AT)

    assert known is not None
    assert rhythm.is_silent(known, since=spoken[-1], at=LIVE_AT + timedelta(days=1))

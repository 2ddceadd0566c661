"""Tells the company's story: every message in the order in which the systems send them."""

import heapq
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate, count
from random import Random
from typing import Any, NamedTuple

from config.demo.border import BORDER
from config.demo.company import Company, Purchase
from config.demo.facts import Fact, event_id
from config.demo.faults import FAULTS, UNKNOWN_ORDER, Fault, unknown_order
from config.demo.noise import NOISE, Noise
from config.demo.stories import story

LONGEST_STORY = timedelta(days=14)  # nothing is told of an order later than this
_FRIDAY, _CLOSING_HOUR = 5, 18
_ALL = 10_000  # what the shares of faults and noise are parts of


class Delivery(NamedTuple):
    """One message as it leaves a system."""

    at: datetime
    sender: str
    body: bytes


class Expected(NamedTuple):
    """What an honest product must find, and from when on."""

    order: str
    check: str
    due_at: datetime
    fault: str


class Tale(NamedTuple):
    """One order: what is said of it, and what should be found wrong with it."""

    purchase: Purchase
    deliveries: list[Delivery]
    expected: Expected | None


def tell(company: Company, number: int, *, fault_factor: int = 1) -> Tale:
    """Tell all of one order. A `fault_factor` above 1 makes faults that much more frequent."""
    turn = _turn(company.chance(number, "turn"), fault_factor)
    purchase = company.purchase(number, turn.kinds) if turn else company.purchase(number)
    rng = company.chance(number, "story")
    facts = story(purchase, rng)
    if turn:
        facts = turn.bend(purchase, facts, rng)
    expected = _expected(turn, purchase, facts) if isinstance(turn, Fault) else None
    return Tale(purchase, [deliver(fact) for fact in facts], expected)


def tales(company: Company, *, start: int = 0, fault_factor: int = 1) -> Iterator[Tale]:
    """Tell every order from number `start`, as they are placed, without end."""
    for number in count(start):
        yield tell(company, number, fault_factor=fault_factor)


class Telling:
    """A story being told: the orders that are not placed yet, the messages not sent yet."""

    def __init__(self, untold: Iterator[Tale]) -> None:
        self._untold = untold
        self._next = next(untold)
        self._waiting: list[tuple[datetime, int, Delivery]] = []
        self._number = count()

    def until(self, at: datetime) -> tuple[list[Delivery], list[Expected]]:
        """Take what is sent up to `at`, in order, and what is expected of orders placed by then."""
        expected = []
        while self._next.purchase.placed_at <= at:
            for delivery in self._next.deliveries:
                heapq.heappush(self._waiting, (delivery.at, next(self._number), delivery))
            if self._next.expected:
                expected.append(self._next.expected)
            self._next = next(self._untold)
        sent = []
        while self._waiting and self._waiting[0][0] <= at:
            sent.append(heapq.heappop(self._waiting)[2])
        return sent, expected


def _turn(rng: Random, fault_factor: int) -> Fault | Noise | None:
    """Draw what becomes of an order; most go as they should."""
    number = rng.randrange(_ALL)
    turns, ends_at = _turns(fault_factor)
    return next((turn for turn, end in zip(turns, ends_at, strict=True) if number < end), None)


@cache
def _turns(fault_factor: int) -> tuple[Sequence[Fault | Noise], Sequence[int]]:
    turns: tuple[Fault | Noise, ...] = (*FAULTS, *NOISE, *BORDER)
    shares = [turn.per_10_000 * (fault_factor if isinstance(turn, Fault) else 1) for turn in turns]
    assert sum(shares) <= _ALL, "more turns than orders"
    return turns, tuple(accumulate(shares))


def _expected(fault: Fault, purchase: Purchase, facts: list[Fact]) -> Expected:
    moments = [fact.at for fact in facts if fault.since in {"", fact.type}]
    is_unknown = fault.check == UNKNOWN_ORDER
    return Expected(
        order=unknown_order(purchase) if is_unknown else purchase.order,
        check=fault.check,
        due_at=_window_ends(fault, since=max(moments)),
        fault=fault.name,
    )


def _window_ends(fault: Fault, *, since: datetime) -> datetime:
    """Find when a window is over; one in business days at the close of the last of them."""
    if not fault.business_days:
        return since + timedelta(hours=fault.hours)
    day, left = since, fault.business_days
    while left:
        day += timedelta(days=1)
        left -= day.isoweekday() <= _FRIDAY
    return day.replace(hour=_CLOSING_HOUR, minute=0, second=0, microsecond=0)


def deliver(fact: Fact) -> Delivery:
    """Put a fact on its way."""
    return Delivery(fact.at + fact.told_after, fact.sender, as_bytes(cloud_event(fact)))


def cloud_event(fact: Fact) -> dict[str, Any]:
    """Put a fact into its envelope."""
    return {
        "specversion": "1.0",
        "id": event_id(fact),
        "source": f"https://{fact.sender}.demo.example",
        "type": fact.type,
        "time": fact.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "subject": fact.data["order"],
        "datacontenttype": "application/json",
        "data": fact.data,
    }


def as_bytes(event: dict[str, Any]) -> bytes:
    """Write an envelope in structured JSON."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()

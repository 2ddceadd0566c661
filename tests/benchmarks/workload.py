"""What the benchmarks tell: the demo company's orders with nothing going wrong, as messages."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar

from config.demo.company import Company
from config.demo.stories import story
from config.demo.telling import Delivery, as_bytes, cloud_event
from config.install import install
from config.premises import Setup, connect_systems

BEGINS_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
_SEED = 11
_Any = TypeVar("_Any")


def settle_in() -> dict[str, str]:
    """Install the product and connect the company's systems; gives their secrets."""
    install(at=BEGINS_AT)
    setup = Setup(
        seed=_SEED, orders=1, days=1, starts_at=BEGINS_AT, base_url="", systems_url="http://unused"
    )
    return dict(connect_systems(setup, at=BEGINS_AT).secrets)


def rounds_of(orders: int, rounds: int) -> Iterator[list[Delivery]]:
    """Deal orders out over the rounds; gives each round's messages as they are sent."""
    company = Company(seed=_SEED, starts_at=BEGINS_AT, days=max(1, orders // 2_000), orders=orders)
    each = max(1, orders // rounds)
    for number in range(rounds):
        yield _told(company, range(number * each, (number + 1) * each))


def _told(company: Company, numbers: Sequence[int]) -> list[Delivery]:
    facts = [
        fact
        for number in numbers
        for fact in story(company.purchase(number), company.chance(number, "story"))
    ]
    facts.sort(key=lambda fact: fact.at)
    return [Delivery(fact.at, fact.sender, as_bytes(cloud_event(fact))) for fact in facts]


def ends_at(deliveries: Sequence[Delivery]) -> datetime:
    """Give a moment by which all of it has been sent."""
    return deliveries[-1].at + timedelta(hours=1)


def batches(items: Sequence[_Any], size: int) -> Iterator[list[_Any]]:
    """Cut a sequence into lists of up to `size`."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch

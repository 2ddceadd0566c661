"""The simulated company: who orders what, and when.

A pure function of the seed and the first moment. Nothing in this package knows the product: the
company's systems speak CloudEvents over HTTP, as any company's would.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import accumulate
from random import Random
from typing import NamedTuple

from config.demo.catalogue import GOODS, PLANS, Customer, Product, customers

SUBSCRIPTION, PARCEL, BUNDLE = "subscription", "parcel", "bundle"
KINDS = {SUBSCRIPTION: 35, PARCEL: 55, BUNDLE: 10}  # of a hundred orders
_WEEKDAYS = (1.1, 1.1, 1.0, 1.0, 1.05, 0.7, 0.6)  # how busy, from Monday
_HOURS = (1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 10, 11, 11, 10, 9, 8, 7, 6, 5, 4, 2, 1)
_MOST_ORDERS = 2**26
_LIVE_EVERY = timedelta(seconds=20)  # between orders, once the past has been told


class Line(NamedTuple):
    """One line of an order."""

    number: str
    product: Product
    quantity: int


class Purchase(NamedTuple):
    """One order as it was placed."""

    number: int
    order: str
    kind: str
    placed_at: datetime
    currency: str
    customer: Customer
    lines: tuple[Line, ...]

    @property
    def total_minor(self) -> int:
        """Add up the lines."""
        return sum(line.product.unit_minor * line.quantity for line in self.lines)


@dataclass(frozen=True)
class Company:
    """One company: `orders` over `days` from `starts_at`, then one every few seconds for ever."""

    seed: int
    starts_at: datetime
    days: int
    orders: int
    live_every: timedelta = _LIVE_EVERY

    def chance(self, number: int, about: str) -> Random:
        """Give what is left to chance about one order, the same at every asking."""
        return Random(f"{self.seed}/{number}/{about}")  # noqa: S311 - a simulation, not a secret

    @cached_property
    def customers(self) -> tuple[Customer, ...]:
        """Name everyone who buys here."""
        return customers(seed=self.seed)

    @cached_property
    def _busy_until(self) -> list[float]:
        """Add up how busy the company is, hour by hour over the past days."""
        return list(
            accumulate(
                _WEEKDAYS[moment.weekday()] * _HOURS[moment.hour]
                for moment in (self.starts_at + timedelta(hours=h) for h in range(self.days * 24))
            )
        )

    def placed_at(self, number: int) -> datetime:
        """Find when order `number`, counted from 0, is placed; later numbers come later."""
        if number >= self.orders:
            ends_at = self.starts_at + timedelta(days=self.days)
            return ends_at + (number - self.orders) * self.live_every
        busy = self._busy_until
        share = (number + 0.5) / self.orders * busy[-1]
        hour = bisect_right(busy, share)
        before = busy[hour - 1] if hour else 0.0
        inside = (share - before) / (busy[hour] - before)
        return self.starts_at + timedelta(seconds=round((hour + inside) * 3600))

    def first_after(self, moment: datetime) -> int:
        """Find the number of the first order that is placed after `moment`."""
        return bisect_right(range(_MOST_ORDERS), moment, key=self.placed_at)

    def purchase(self, number: int, kinds: Sequence[str] = tuple(KINDS)) -> Purchase:
        """Make up order `number`, of one of `kinds`."""
        rng = self.chance(number, "order")
        kind = rng.choices(kinds, [KINDS[kind] for kind in kinds])[0]
        prefix = "SUB" if kind == SUBSCRIPTION else "SO"
        return Purchase(
            number=number,
            order=f"{prefix}-{100_000 + number}",
            kind=kind,
            placed_at=self.placed_at(number),
            currency=rng.choices(("EUR", "USD"), (7, 3))[0],
            customer=rng.choice(self.customers),
            lines=_lines(kind, rng),
        )


def _lines(kind: str, rng: Random) -> tuple[Line, ...]:
    chosen: list[tuple[Product, int]] = []
    if kind != SUBSCRIPTION:
        goods = rng.sample(GOODS, rng.choices((1, 2, 3), (0.6, 0.3, 0.1))[0])
        chosen += [(product, rng.choices((1, 2, 5), (0.7, 0.2, 0.1))[0]) for product in goods]
    if kind != PARCEL:
        chosen.append((rng.choice(PLANS), 1))
    return tuple(Line(str(n), product, quantity) for n, (product, quantity) in enumerate(chosen, 1))

"""The company's marketplace: orders of several sellers, and how one goes when nothing goes wrong.

A stream of its own beside the company's other orders, so that those stay as they were.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from config.demo.catalogue import GOODS, Customer, Product
from config.demo.company import Company, Line, Purchase
from config.demo.facts import (
    CANCELLATION,
    CHANGE,
    CONFIRMATION,
    ORDER,
    RECORD,
    Fact,
    captured,
    delivered,
    invoiced,
    minutes,
    order_lines,
    ordered,
    posted,
    shipped,
)

MARKET = "marketplace"
PAYOUT = "payout.paid"
SELLERS: Mapping[str, tuple[Product, ...]] = {
    "Harbour Scanners": GOODS[:3],
    "Kestrel Labels": GOODS[3:5],
    "Lumen Devices": GOODS[5:7],
    "Orchard Parts": GOODS[7:],
}
_EVERY = 20  # of the company's other orders there is one of the marketplace
_FIRST_NUMBER = 80_000_000  # its numbers are never those of the company's other orders
_MOST_PARTS = 9
_SELLERS_BASIS_POINTS, _ALL_BASIS_POINTS = 8_500, 10_000


class Part(NamedTuple):
    """What one seller sends of an order."""

    seller: str
    purchase: Purchase  # its lines alone, under the sub-order's name


class MarketPurchase(NamedTuple):
    """One order of several sellers."""

    whole: Purchase
    parts: tuple[Part, ...]

    @property
    def placed_at(self) -> datetime:
        """Say when it was placed."""
        return self.whole.placed_at

    def placed(self, at: datetime) -> "MarketPurchase":
        """Have it placed at another moment."""
        parts = [
            part._replace(purchase=part.purchase._replace(placed_at=at)) for part in self.parts
        ]
        return MarketPurchase(self.whole._replace(placed_at=at), tuple(parts))


@dataclass(frozen=True)
class Market:
    """The marketplace of one company: one order for every twenty of its others."""

    company: Company
    _beside: Company = field(init=False)

    def __post_init__(self) -> None:
        orders = max(self.company.orders // _EVERY, 1)
        live_every = self.company.live_every * _EVERY
        beside = Company(
            self.company.seed, self.company.starts_at, self.company.days, orders, live_every
        )
        object.__setattr__(self, "_beside", beside)

    def chance(self, number: int, about: str) -> Random:
        """Give what is left to chance about one order, the same at every asking."""
        return self.company.chance(number, f"market {about}")

    def first_after(self, moment: datetime) -> int:
        """Find the number of the first order that is placed after `moment`."""
        return self._beside.first_after(moment)

    def purchase(self, number: int) -> MarketPurchase:
        """Make up order `number`, of two or three sellers."""
        rng = self.chance(number, "order")
        sellers = sorted(rng.sample(sorted(SELLERS), rng.choices((2, 3), (0.7, 0.3))[0]))
        chosen = [(seller, product) for seller in sellers for product in _goods(seller, rng)]
        lines = [
            (seller, Line(str(place), product, rng.choices((1, 2, 4), (0.5, 0.3, 0.2))[0]))
            for place, (seller, product) in enumerate(chosen, 1)
        ]
        whole = Purchase(
            number=_FIRST_NUMBER + number * (_MOST_PARTS + 1),
            order=f"MP-{100_000 + number}",
            kind=MARKET,
            placed_at=self._beside.placed_at(number),
            currency=rng.choices(("EUR", "USD"), (7, 3))[0],
            customer=self._customer(rng),
            lines=tuple(line for _, line in lines),
        )
        parts = [
            _part(whole, place, seller, tuple(line for owner, line in lines if owner == seller))
            for place, seller in enumerate(sellers, 1)
        ]
        return MarketPurchase(whole, tuple(parts))

    def _customer(self, rng: Random) -> Customer:
        return rng.choice(self.company.customers)


def shares(parts: tuple[Part, ...]) -> dict[str, int]:
    """Share out an order by sub-order: 85 % to the sellers, to the last cent."""
    exact = {
        part.purchase.order: part.purchase.total_minor * _SELLERS_BASIS_POINTS for part in parts
    }
    total_minor = sum(part.purchase.total_minor for part in parts)
    exact["~house"] = total_minor * _ALL_BASIS_POINTS - sum(exact.values())
    found = {name: share // _ALL_BASIS_POINTS for name, share in exact.items()}
    by_rest = sorted(exact, key=lambda name: (-(exact[name] % _ALL_BASIS_POINTS), name))
    for name in by_rest[: total_minor - sum(found.values())]:
        found[name] += 1
    return found


def story(bought: MarketPurchase, rng: Random) -> list[Fact]:
    """Tell how the order goes when nothing goes wrong."""
    whole, placed_at = bought.whole, bought.whole.placed_at
    paid_at = placed_at + minutes(rng, 3, 10)
    due = shares(bought.parts)
    facts = [
        ordered(whole, MARKET, {"channel": "marketplace"}),
        Fact(placed_at + timedelta(minutes=2), MARKET, CONFIRMATION, {"order": whole.order}),
        captured(whole, paid_at),
        posted(whole, paid_at + minutes(rng, 60, 480)),
    ]
    shipped_at = []
    for part in bought.parts:
        shipped_at.append(placed_at + minutes(rng, 18 * 60, 44 * 60))
        arrived_at = shipped_at[-1] + minutes(rng, 20 * 60, 45 * 60)
        facts += [
            part_ordered(bought, part, placed_at + minutes(rng, 1, 20)),
            shipped(part.purchase, shipped_at[-1]),
            part_recorded(part, shipped_at[-1] + minutes(rng, 30, 300)),
            delivered(part.purchase, arrived_at),
            paid_out(part, arrived_at + minutes(rng, 24 * 60, 96 * 60), due[part.purchase.order]),
        ]
    return [*facts, invoiced(whole, max(shipped_at) + minutes(rng, 10, 60))]


def part_ordered(bought: MarketPurchase, part: Part, at: datetime) -> Fact:
    """Say what of the order is one seller's."""
    data = {
        "order": part.purchase.order,
        "parent": bought.whole.order,
        "seller": part.seller,
        "channel": "marketplace",
        "currency": bought.whole.currency,
        "total_minor": part.purchase.total_minor,
        "lines": order_lines(part.purchase.lines),
    }
    return Fact(at, MARKET, ORDER, data)


def part_recorded(part: Part, at: datetime) -> Fact:
    """Say that the seller marked his part as sent."""
    data = {"order": part.purchase.order, "fulfilment": f"F-{part.purchase.number}"}
    return Fact(at, MARKET, RECORD, data)


def part_cancelled(part: Part, at: datetime) -> Fact:
    """Say that a seller's part was cancelled."""
    data = {"order": part.purchase.order, "reason": "the seller is out of stock"}
    return Fact(at, MARKET, CANCELLATION, data)


def whole_amended(bought: MarketPurchase, left: tuple[Part, ...], at: datetime) -> Fact:
    """Say that the order is of these parts alone by now."""
    data = {
        "order": bought.whole.order,
        "total_minor": sum(part.purchase.total_minor for part in left),
        "lines": order_lines(tuple(line for part in left for line in part.purchase.lines)),
    }
    return Fact(at, MARKET, CHANGE, data)


def paid_out(part: Part, at: datetime, amount_minor: int, suffix: str = "") -> Fact:
    """Say that a seller got his share."""
    data = {
        "order": part.purchase.order,
        "payout": f"PO-{part.purchase.number}{suffix}",
        "seller": part.seller,
        "amount_minor": amount_minor,
        "currency": part.purchase.currency,
    }
    return Fact(at, MARKET, PAYOUT, data)


def _goods(seller: str, rng: Random) -> list[Product]:
    """Choose one or two of what a seller has."""
    return rng.sample(SELLERS[seller], rng.choices((1, 2), (0.7, 0.3))[0])


def _part(whole: Purchase, place: int, seller: str, lines: tuple[Line, ...]) -> Part:
    name, number = f"{whole.order}-{place}", whole.number + place
    return Part(seller, whole._replace(order=name, number=number, lines=lines))

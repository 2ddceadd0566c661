"""Orders whose cards are from abroad: taken in one currency, settled in euros days later.

The card provider announces each settlement when the money is taken, and pays it two to five days
later, net of its fee, at the rate of that day; billing posts the payment then. These turns stand
behind all others, so that no order that was told before is told otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any, NamedTuple

from config.demo.company import BUNDLE, KINDS, PARCEL, Purchase
from config.demo.facts import CARDS, CHARGE, POSTING, Fact, minutes
from config.demo.faults import Fault
from config.demo.noise import Noise
from config.demo.twists import first, without

ANNOUNCEMENT, SETTLEMENT = "settlement.pending", "settlement.finalised"
_HOME = "EUR"
_ABROAD = {"USD": Decimal("0.92"), "GBP": Decimal("1.17"), "JPY": Decimal("0.0061")}
_WITHOUT_CENTS = {"JPY"}
_DAY = 1_440  # minutes

Change = Callable[[dict[str, Any]], dict[str, int]]


class Terms(NamedTuple):
    """What a payment comes to once it is settled, in euro cents."""

    rate: str
    gross_minor: int
    fee_minor: int
    net_minor: int


def terms(paid_minor: int, currency: str, rate: Decimal) -> Terms:
    """Settle an amount at a rate: 2.9 % and 30 cents are the provider's."""
    cents = paid_minor * (100 if currency in _WITHOUT_CENTS else 1)
    gross_minor = int((cents * rate).quantize(Decimal(1), ROUND_HALF_UP))
    fee_minor = min(30 + gross_minor * 29 // 1000, gross_minor)
    return Terms(f"{rate:f}", gross_minor, fee_minor, gross_minor - fee_minor)


def announced(charge: Fact, at: datetime, settled: Terms) -> Fact:
    """Say that a settlement of this payment is on its way."""
    return Fact(at, CARDS, ANNOUNCEMENT, _settlement(charge, settled))


def finalised(charge: Fact, at: datetime, settled: Terms) -> Fact:
    """Say that it is paid, and that its amounts are final."""
    return Fact(at, CARDS, SETTLEMENT, _settlement(charge, settled))


def _settlement(charge: Fact, settled: Terms) -> dict[str, Any]:
    payment = charge.data["payment"]
    return {
        "order": charge.data["order"],
        "settlement": payment.replace("pay_", "st_"),
        "payment": payment,
        "currency": _HOME,
        **settled._asdict(),
    }


def _paid_abroad(facts: list[Fact], rng: Random, *, takes: timedelta) -> list[Fact]:
    """Have the order placed and paid in another currency, settled and posted when it `takes`."""
    currency = rng.choice(tuple(_ABROAD))
    rate = _ABROAD[currency] * rng.randint(9_850, 10_150) / 10_000
    abroad = [
        replace(fact, data=fact.data | {"currency": currency}) if "currency" in fact.data else fact
        for fact in facts
    ]
    charge, posting = first(abroad, CHARGE), first(abroad, POSTING)
    settled = terms(charge.data["amount_minor"], currency, rate.normalize())
    announced_at = charge.at + minutes(rng, 1, 30)
    final_at = announced_at + takes
    return [
        *without(abroad, POSTING),
        announced(charge, announced_at, settled),
        finalised(charge, final_at, settled),
        replace(posting, at=final_at + minutes(rng, 60, 480)),
    ]


def _in_days(rng: Random) -> timedelta:
    return minutes(rng, 2 * _DAY, 5 * _DAY)


def _settle_abroad(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    return _paid_abroad(facts, rng, takes=_in_days(rng))


def _settle_late(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    return _paid_abroad(facts, rng, takes=minutes(rng, 9 * _DAY, 11 * _DAY))


def _never_post(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    return without(_paid_abroad(facts, rng, takes=_in_days(rng)), POSTING)


def _settle_short(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    """Keep back more than the fee, and say nothing of it."""
    return _with_settlement(
        _paid_abroad(facts, rng, takes=_in_days(rng)),
        lambda said: {"net_minor": said["net_minor"] * rng.randint(80, 95) // 100},
    )


def _settle_other_amount(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    """Settle another amount than was taken, and reckon rightly from there."""

    def less(said: dict[str, Any]) -> dict[str, int]:
        gross_minor = said["gross_minor"] * rng.randint(90, 97) // 100
        return {"gross_minor": gross_minor, "net_minor": gross_minor - said["fee_minor"]}

    return _with_settlement(_paid_abroad(facts, rng, takes=_in_days(rng)), less)


def _with_settlement(facts: list[Fact], change: Change) -> list[Fact]:
    final = first(facts, SETTLEMENT)
    other = replace(final, data=final.data | change(final.data))
    return [other if fact is final else fact for fact in facts]


_ALL, _SHOP = tuple(KINDS), (PARCEL, BUNDLE)

# fmt: off
BORDER: Sequence[Fault | Noise] = (
    Noise("settled abroad", 440, _ALL, _settle_abroad),
    Fault("settled, not posted", 30, _ALL, _never_post, "settled_not_posted", SETTLEMENT, 24),
    Fault("settled late", 12, _SHOP, _settle_late, "late_settlement", ANNOUNCEMENT, 0, 5),
    Fault("settled short", 10, _ALL, _settle_short, "settlement_short", SETTLEMENT, 0),
    Fault("settled another amount", 8, _ALL, _settle_other_amount, "paid_vs_settled",
          SETTLEMENT, 24),
)
# fmt: on

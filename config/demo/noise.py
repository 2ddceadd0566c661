"""What happens to healthy orders every day and is no fault; none of it may become a finding."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple

from config.demo.company import BUNDLE, KINDS, PARCEL, SUBSCRIPTION, Purchase
from config.demo.facts import (
    ARRIVAL,
    AUTHORISATION,
    CHARGE,
    INVOICE,
    ORDER,
    POSTING,
    RECORD,
    SHIPMENT,
    SHOP,
    Fact,
    amended,
    cancelled,
    credited,
    declined,
    event_id,
    goods_of,
    minutes,
    ordered,
    refunded,
    returned,
)
from config.demo.twists import Bend, delay, first, shift, swapped, with_amount, without


class Noise(NamedTuple):
    """One way to be different and still right."""

    name: str
    per_10_000: int  # orders
    kinds: Sequence[str]
    bend: Bend


def _deliver_again(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    """Send the very same message twice."""
    fact = rng.choice(facts)
    return [*facts, replace(fact, told_after=minutes(rng, 1, 600))]


def _send_again(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    """Say the same again under a new id, as systems do after a restart."""
    fact = first(facts, rng.choice((INVOICE, CHARGE)))
    return [*facts, replace(fact, id=event_id(fact) + "-r", told_after=minutes(rng, 10, 360))]


def _retry(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    """Decline the card once, and take the money some hours later."""
    at = first(facts, AUTHORISATION).at
    moved = (AUTHORISATION, CHARGE, POSTING)
    return [declined(purchase, at), *shift(facts, minutes(rng, 60, 360), *moved)]


def _two_parcels(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    """Send the first line in a parcel of its own, some hours before the rest."""
    goods = goods_of(purchase)
    if len(goods) == 1:
        return facts
    head_starts = {SHIPMENT: minutes(rng, 120, 600), ARRIVAL: timedelta()}
    for kind, earlier in head_starts.items():
        whole = first(facts, kind)
        number = whole.data["shipment"]
        one = whole.data | {"shipment": f"{number}A", "lines": goods[:1]}
        rest = whole.data | {"shipment": f"{number}B", "lines": goods[1:]}
        early = replace(whole, at=whole.at - earlier, data=one)
        facts = swapped(facts, whole, early, replace(whole, data=rest))
    return facts


def _cancel_and_refund(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    paid = without(facts, SHIPMENT, RECORD, INVOICE, ARRIVAL)
    cancellation = cancelled(purchase, purchase.placed_at + minutes(rng, 540, 960))
    refund = refunded(purchase, cancellation.at + minutes(rng, 60, 720), purchase.total_minor)
    return [*paid, cancellation, refund]


def _return_and_refund(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    """Send the first line back at the door; credited and refunded the same day."""
    arrival = first(facts, ARRIVAL)
    back_at = arrival.at + minutes(rng, 120, 480)
    line = purchase.lines[0]
    amount_minor = line.product.unit_minor * line.quantity
    return [
        *facts,
        returned(purchase, back_at, goods_of(purchase)[:1]),
        credited(purchase, back_at + minutes(rng, 30, 240), amount_minor),
        refunded(purchase, back_at + minutes(rng, 30, 360), amount_minor),
    ]


def _pay_in_two(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    whole = first(facts, CHARGE)
    half = whole.data["amount_minor"] // 2
    rest = {
        "payment": whole.data["payment"] + "B",
        "amount_minor": whole.data["amount_minor"] - half,
        "fee_minor": 0,
    }
    later = replace(whole, at=whole.at + minutes(rng, 5, 45), data=whole.data | rest)
    return swapped(facts, whole, with_amount(whole, half), later)


def _round(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    """Pay a cent or two more or less, as foreign banks do."""
    fact = first(facts, CHARGE)
    near = fact.data["amount_minor"] + rng.choice((-2, -1, 1, 2))
    return swapped(facts, fact, with_amount(fact, near))


def _amend(purchase: Purchase, facts: list[Fact], _rng: Random) -> list[Fact]:
    """Order one more of the first thing, and take it back a minute later."""
    line, *others = purchase.lines
    more = purchase._replace(lines=(line._replace(quantity=line.quantity + 1), *others))
    channel: dict[str, Any] = {"channel": "web"}
    change = amended(purchase, purchase.placed_at + timedelta(seconds=40))
    return swapped(facts, first(facts, ORDER), ordered(more, SHOP, channel), change)


_ALL, _SHOP, _PARCEL, _SAAS = tuple(KINDS), (PARCEL, BUNDLE), (PARCEL,), (SUBSCRIPTION,)

NOISE = (
    # name, orders of 10,000, kinds, what happens
    Noise("posting told late", 120, _ALL, delay(POSTING, 60, 900)),
    Noise("parcel told late", 100, _SHOP, delay(SHIPMENT, 30, 360)),
    Noise("arrival told late", 100, _SHOP, delay(ARRIVAL, 60, 1_400)),
    Noise("order told after its payment", 120, _ALL, delay(ORDER, 15, 170)),
    Noise("the same message again", 120, _ALL, _deliver_again),
    Noise("the same under a new id", 80, _ALL, _send_again),
    Noise("card declined once", 150, _SHOP, _retry),
    Noise("two parcels", 200, _PARCEL, _two_parcels),
    Noise("cancelled and refunded", 120, _PARCEL, _cancel_and_refund),
    Noise("returned and refunded", 100, _PARCEL, _return_and_refund),
    Noise("paid in two parts", 60, _SAAS, _pay_in_two),
    Noise("a cent or two off", 80, _ALL, _round),
    Noise("order amended", 80, _PARCEL, _amend),
)

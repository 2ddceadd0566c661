"""The ways in which the company's orders go wrong, and how often: the table at the end.

Each takes the story of an order that goes well and spoils it in one way, so that exactly one
expectation breaks. The mix was fixed before the product was measured against it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple

from config.demo.company import BUNDLE, KINDS, PARCEL, SUBSCRIPTION, Purchase
from config.demo.facts import (
    ACTIVATION,
    ARRIVAL,
    AUTHORISATION,
    CANCELLATION,
    CHARGE,
    CONFIRMATION,
    DECLINE,
    INVOICE,
    ORDER,
    POSTING,
    RECORD,
    REFUND,
    RETURN,
    SHIPMENT,
    Fact,
    cancelled,
    captured,
    declined,
    event_id,
    goods_of,
    invoiced,
    minutes,
    refunded,
    returned,
)
from config.demo.twists import Bend, first, lose, swapped, with_amount, without


class Fault(NamedTuple):
    """One way to go wrong, and the check that should notice."""

    name: str
    per_10_000: int  # orders
    kinds: Sequence[str]
    bend: Bend
    check: str
    since: str  # the message from which the window runs; the last of all where empty
    hours: int  # the window
    business_days: int = 0  # the window where it counts these instead


def _decline(purchase: Purchase, facts: list[Fact], _rng: Random) -> list[Fact]:
    authorisation = first(facts, AUTHORISATION)
    kept = [fact for fact in facts if fact.type in {ORDER, CONFIRMATION}]
    return [*kept, declined(purchase, authorisation.at)]


def _charge_twice(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    once = first(facts, CHARGE)
    return [*facts, captured(purchase, once.at + minutes(rng, 1, 30), "B")]


def _invoice_twice(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    once = first(facts, INVOICE)
    return [*facts, invoiced(purchase, once.at + minutes(rng, 5, 600), "-2")]


def _pay_less(facts: list[Fact], missing_minor: int) -> list[Fact]:
    for kind in (CHARGE, POSTING):
        fact = first(facts, kind)
        less = with_amount(fact, fact.data["amount_minor"] - missing_minor)
        facts = swapped(facts, fact, less)
    return facts


def _pay_cents_less(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    return _pay_less(facts, rng.randint(3, 60))


def _pay_much_less(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    return _pay_less(facts, purchase.total_minor * rng.randint(10, 40) // 100)


def _cancel(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    paid = without(facts, SHIPMENT, RECORD, INVOICE, ARRIVAL)
    return [*paid, cancelled(purchase, purchase.placed_at + minutes(rng, 540, 960))]


def _cancel_and_ship(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    parcel = [f for f in facts if f.type in {SHIPMENT, ARRIVAL}]
    stopped = _cancel(purchase, facts, rng)
    refund = refunded(purchase, stopped[-1].at + minutes(rng, 60, 720), purchase.total_minor)
    return [*stopped, refund, *parcel]


def _refund_twice(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    stopped = _cancel(purchase, facts, rng)
    once = refunded(purchase, stopped[-1].at + minutes(rng, 60, 720), purchase.total_minor)
    again = refunded(purchase, once.at + minutes(rng, 5, 60), purchase.total_minor, "B")
    return [*stopped, once, again]


def _return(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    back_at = first(facts, ARRIVAL).at + minutes(rng, 1_440, 7_200)
    return [*facts, returned(purchase, back_at, goods_of(purchase))]


def _bill_another_amount(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    amount_minor = purchase.total_minor + 100 * rng.choice((-15, -5, 5, 10, 20))
    for kind in (INVOICE, CHARGE, POSTING):
        fact = first(facts, kind)
        facts = swapped(facts, fact, with_amount(fact, amount_minor))
    return facts


def _ship_too_much(_purchase: Purchase, facts: list[Fact], _rng: Random) -> list[Fact]:
    for kind in (SHIPMENT, ARRIVAL):
        fact = first(facts, kind)
        line, *others = fact.data["lines"]
        lines = [line | {"quantity": line["quantity"] + 1}, *others]
        facts = swapped(facts, fact, replace(fact, data=fact.data | {"lines": lines}))
    return facts


def _garble(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    """Send the charge in a form that nobody can read, and again in the right one soon after."""
    fact = first(facts, CHARGE)
    amount_minor = fact.data["amount_minor"]
    wrong: dict[str, Any] = rng.choice(
        (
            {"amount_minor": f"{amount_minor / 100:.2f}"},
            {"amount_minor": -amount_minor},
            {"currency": "Euro"},
            {"payment": None},
        )
    )
    good = replace(fact, told_after=timedelta(minutes=10))
    return swapped(facts, fact, replace(fact, data=fact.data | wrong), good)


def _pay_unknown_order(purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    paid = first(facts, CHARGE)
    stray = captured(purchase, paid.at + minutes(rng, 5, 60), "X")
    return [*facts, replace(stray, data=stray.data | {"order": unknown_order(purchase)})]


def _reuse_id(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
    fact = first(facts, CHARGE)
    other = with_amount(fact, fact.data["amount_minor"] + 1_000)
    return [*facts, replace(other, id=event_id(fact), told_after=minutes(rng, 30, 90))]


def unknown_order(purchase: Purchase) -> str:
    """Make up an order that nobody has placed."""
    return f"SO-9{purchase.number:07}"


UNKNOWN_ORDER = "event_parked_too_long"

_ANY, _SHOP, _PARCEL = tuple(KINDS), (PARCEL, BUNDLE), (PARCEL,)
_SAAS, _ACTIVE = (SUBSCRIPTION,), (SUBSCRIPTION, BUNDLE)
_lose_parcel = lose(SHIPMENT, RECORD, INVOICE, ARRIVAL)
_only_record = lose(SHIPMENT, INVOICE, ARRIVAL)
_never_pay = lose(CHARGE, POSTING)

# fmt: off
FAULTS = (
    # name, orders of 10,000, kinds of order, what happens; check, window: from, hours
    Fault("activation lost", 45, _ACTIVE, lose(ACTIVATION), "invoice_sent_not_active", INVOICE, 1),
    Fault("shipped, not recorded", 50, _SHOP, lose(RECORD), "shipped_not_recorded", SHIPMENT, 24),
    Fault("paid, not posted", 50, _ANY, lose(POSTING), "paid_not_posted", CHARGE, 48),
    Fault("never billed", 30, _PARCEL, lose(INVOICE), "delivered_not_billed", ARRIVAL, 48),
    Fault("paid cents less", 40, _ANY, _pay_cents_less, "paid_vs_invoiced", INVOICE, 72),
    Fault("charge declined", 10, _PARCEL, _decline, "charge_failed_but_confirmed", DECLINE, 24),
    Fault("charged twice", 12, _ANY, _charge_twice, "paid_twice", CHARGE, 0),
    Fault("invoiced twice", 8, _ANY, _invoice_twice, "invoiced_twice", INVOICE, 0),
    Fault("paid much less", 8, _SAAS, _pay_much_less, "paid_vs_invoiced", INVOICE, 72),
    Fault("not refunded", 8, _PARCEL, _cancel, "cancelled_but_paid", CANCELLATION, 48),
    Fault("recorded, not shipped", 6, _PARCEL, _only_record, "recorded_not_shipped", RECORD, 48),
    Fault("returned, not refunded", 4, _PARCEL, _return, "returned_but_paid", RETURN, 336),
    Fault("billed wrongly", 4, _SAAS, _bill_another_amount, "invoiced_vs_ordered", INVOICE, 0),
    Fault("never paid", 4, _SAAS, _never_pay, "active_not_paid", INVOICE, 168),
    Fault("parcel lost", 4, _PARCEL, _lose_parcel, "silent_order", "", 240),
    Fault("unreadable message", 4, _ANY, _garble, "event_rejected", CHARGE, 0),
    Fault("shipped after all", 3, _PARCEL, _cancel_and_ship, "cancelled_but_shipped", SHIPMENT, 0),
    Fault("unknown order", 3, _ANY, _pay_unknown_order, UNKNOWN_ORDER, CHARGE, 48),
    Fault("one id, two messages", 3, _ANY, _reuse_id, "event_id_reused", CHARGE, 2),
    Fault("shipped too much", 2, _PARCEL, _ship_too_much, "shipped_more_than_ordered", SHIPMENT, 0),
    Fault("refunded twice", 2, _PARCEL, _refund_twice, "refunded_more_than_paid", REFUND, 0),
)
# fmt: on

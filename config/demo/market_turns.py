"""What happens to orders of the marketplace: how some go wrong, and what is everyday noise."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate, count
from random import Random
from typing import NamedTuple

from config.demo.facts import (
    ARRIVAL,
    INVOICE,
    ORDER,
    RECORD,
    SHIPMENT,
    Fact,
    invoiced,
    minutes,
    refunded,
)
from config.demo.market import (
    PAYOUT,
    Market,
    MarketPurchase,
    Part,
    part_cancelled,
    shares,
    story,
    whole_amended,
)
from config.demo.telling import Expected, Tale, deliver
from config.demo.twists import swapped, with_amount

_ALL = 10_000  # what the shares of turns are parts of


class Bent(NamedTuple):
    """A story with its turn, and from when on which order should be found with what."""

    facts: list[Fact]
    order: str = ""
    since: Fact | None = None


class Turn(NamedTuple):
    """One way to be different; with a check it is wrong, and found so many hours later."""

    name: str
    per_10_000: int
    bend: Callable[[MarketPurchase, list[Fact], Random], Bent]
    check: str = ""
    hours: int = 0


def tell(market: Market, number: int, *, fault_factor: int = 1) -> Tale:
    """Tell all of one order. A `fault_factor` above 1 makes faults that much more frequent."""
    bought = market.purchase(number)
    rng = market.chance(number, "story")
    facts, expected = story(bought, rng), None
    turn = _turn(market.chance(number, "turn"), fault_factor)
    if turn is not None:
        facts, order, since = turn.bend(bought, facts, rng)
        if since is not None:
            due_at = since.at + timedelta(hours=turn.hours)
            expected = Expected(order, turn.check, due_at, turn.name)
    return Tale(bought.whole, [deliver(fact) for fact in facts], expected)


def market_tales(market: Market, *, start: int = 0, fault_factor: int = 1) -> Iterator[Tale]:
    """Tell every order from number `start`, as they are placed, without end."""
    for number in count(start):
        yield tell(market, number, fault_factor=fault_factor)


def _turn(rng: Random, fault_factor: int) -> Turn | None:
    number = rng.randrange(_ALL)
    sizes = [turn.per_10_000 * (fault_factor if turn.check else 1) for turn in TURNS]
    assert sum(sizes) <= _ALL, "more turns than orders"
    ends = accumulate(sizes)
    return next((turn for turn, end in zip(TURNS, ends, strict=True) if number < end), None)


def _of(facts: list[Fact], part: Part, kind: str) -> Fact:
    """Find the message of this type about one part."""
    order = part.purchase.order
    return next(fact for fact in facts if fact.type == kind and fact.data["order"] == order)


def _without(facts: list[Fact], part: Part, *kinds: str) -> list[Fact]:
    order = part.purchase.order
    return [fact for fact in facts if fact.type not in kinds or fact.data["order"] != order]


def _pay_out_otherwise(
    least: int, most: int
) -> Callable[[MarketPurchase, list[Fact], Random], Bent]:
    """Make the turn in which a seller gets so much more, in percent."""

    def bend(bought: MarketPurchase, facts: list[Fact], rng: Random) -> Bent:
        part = rng.choice(bought.parts)
        right = _of(facts, part, PAYOUT)
        amount_minor = right.data["amount_minor"]
        wrong = with_amount(right, amount_minor + amount_minor * rng.randint(least, most) // 100)
        return Bent(swapped(facts, right, wrong), part.purchase.order, wrong)

    return bend


def _pay_out_never(bought: MarketPurchase, facts: list[Fact], rng: Random) -> Bent:
    part = rng.choice(bought.parts)
    arrival = _of(facts, part, ARRIVAL)
    return Bent(_without(facts, part, PAYOUT), part.purchase.order, arrival)


def _ship_never(bought: MarketPurchase, facts: list[Fact], rng: Random) -> Bent:
    """Let one seller take the order and never send a thing; nobody is billed."""
    part = rng.choice(bought.parts)
    placed = _of(facts, part, ORDER)
    left = _without(facts, part, SHIPMENT, RECORD, ARRIVAL, PAYOUT)
    return Bent([fact for fact in left if fact.type != INVOICE], part.purchase.order, placed)


def _cancel(bought: MarketPurchase, facts: list[Fact], rng: Random) -> Bent:
    """Cancel one part in time: it is refunded, the order and its invoice are over the rest."""
    part = rng.choice(bought.parts)
    left = tuple(each for each in bought.parts if each is not part)
    at = bought.whole.placed_at + minutes(rng, 9 * 60, 16 * 60)
    bill = next(fact for fact in facts if fact.type == INVOICE)
    rest_minor = sum(each.purchase.total_minor for each in left)
    facts = swapped(facts, bill, with_amount(invoiced(bought.whole, bill.at), rest_minor))
    for each in left:
        payout = _of(facts, each, PAYOUT)
        share_minor = shares(left)[each.purchase.order]
        facts = swapped(facts, payout, with_amount(payout, share_minor))
    refund_at = at + minutes(rng, 20, 120)
    return Bent(
        [
            *_without(facts, part, SHIPMENT, RECORD, ARRIVAL, PAYOUT),
            part_cancelled(part, at),
            whole_amended(bought, left, at + timedelta(minutes=1)),
            refunded(bought.whole, refund_at, part.purchase.total_minor),
        ]
    )


def _cancel_and_pay_out(bought: MarketPurchase, facts: list[Fact], rng: Random) -> Bent:
    payouts = {fact.data["order"]: fact for fact in facts if fact.type == PAYOUT}
    facts = _cancel(bought, facts, rng).facts
    paid = {fact.data["order"] for fact in facts if fact.type == PAYOUT}
    (wrong,) = (payout for order, payout in payouts.items() if order not in paid)
    return Bent([*facts, wrong], wrong.data["order"], wrong)


def _add_up_wrongly(bought: MarketPurchase, facts: list[Fact], rng: Random) -> Bent:
    """Split the order so that a part is dearer than its lines, and pay out by that."""
    part = rng.choice(bought.parts)
    order = bought.whole.order
    placed = _of(facts, part, ORDER)
    more_minor = rng.choice((500, 1_000, 2_000))
    total_minor = part.purchase.total_minor + more_minor
    wrong = replace(placed, data=placed.data | {"total_minor": total_minor})
    payout = _of(facts, part, PAYOUT)
    right = with_amount(payout, payout.data["amount_minor"] + more_minor * 85 // 100)
    facts = swapped(swapped(facts, placed, wrong), payout, right)
    whole = next(fact for fact in facts if fact.type == ORDER and fact.data["order"] == order)
    return Bent(facts, order, whole)


def _tell_whole_late(bought: MarketPurchase, facts: list[Fact], rng: Random) -> Bent:
    order = bought.whole.order
    whole = next(fact for fact in facts if fact.type == ORDER and fact.data["order"] == order)
    return Bent(swapped(facts, whole, replace(whole, told_after=minutes(rng, 30, 170))))


def _tell_part_late(bought: MarketPurchase, facts: list[Fact], rng: Random) -> Bent:
    part = _of(facts, rng.choice(bought.parts), ORDER)
    return Bent(swapped(facts, part, replace(part, told_after=minutes(rng, 60, 900))))


def _two_parcels(bought: MarketPurchase, facts: list[Fact], rng: Random) -> Bent:
    """Let a seller send one piece of his first line some hours before the rest."""
    several = [part for part in bought.parts if part.purchase.lines[0].quantity > 1]
    if not several:
        return Bent(facts)
    part = rng.choice(several)
    head_starts = {SHIPMENT: minutes(rng, 120, 600), ARRIVAL: timedelta()}
    for kind, earlier in head_starts.items():
        whole = _of(facts, part, kind)
        number, (line, *others) = whole.data["shipment"], whole.data["lines"]
        one = {"shipment": f"{number}A", "lines": [line | {"quantity": 1}]}
        rest = {
            "shipment": f"{number}B",
            "lines": [line | {"quantity": line["quantity"] - 1}, *others],
        }
        early = replace(whole, at=whole.at - earlier, data=whole.data | one)
        facts = swapped(facts, whole, early, replace(whole, data=whole.data | rest))
    return Bent(facts)


def _pay_out_in_two(bought: MarketPurchase, facts: list[Fact], rng: Random) -> Bent:
    whole = _of(facts, rng.choice(bought.parts), PAYOUT)
    amount_minor = whole.data["amount_minor"]
    first = with_amount(whole, amount_minor // 2)
    rest = {
        "payout": f"{whole.data['payout']}B",
        "amount_minor": amount_minor - amount_minor // 2,
    }
    later = replace(whole, at=whole.at + minutes(rng, 60, 900), data=whole.data | rest)
    return Bent(swapped(facts, whole, first, later))


def _pay_out_by_the_whole(bought: MarketPurchase, facts: list[Fact], rng: Random) -> Bent:
    """Name the whole order and the seller in a payout, instead of his part."""
    payout = _of(facts, rng.choice(bought.parts), PAYOUT)
    named = replace(payout, data=payout.data | {"order": bought.whole.order})
    return Bent(swapped(facts, payout, named))


_too_little, _too_much = _pay_out_otherwise(-30, -5), _pay_out_otherwise(5, 15)

# fmt: off
TURNS = (
    # name, orders of 10,000, what happens; check, window in hours
    Turn("payout too low", 130, _too_little, "payout_vs_split", 24),
    Turn("payout too high", 60, _too_much, "payout_vs_split", 24),
    Turn("payout to a cancelled sub-order", 70, _cancel_and_pay_out, "payout_to_cancelled"),
    Turn("seller never paid", 60, _pay_out_never, "delivered_not_paid_out", 168),
    Turn("seller never ships", 80, _ship_never, "silent_order", 240),
    Turn("sub-orders do not add up", 40, _add_up_wrongly, "parts_vs_whole", 24),
    Turn("one seller cancels", 400, _cancel),
    Turn("whole told after its parts", 300, _tell_whole_late),
    Turn("part told late", 300, _tell_part_late),
    Turn("a seller's two parcels", 1_000, _two_parcels),
    Turn("paid out in two parts", 300, _pay_out_in_two),
    Turn("payout names the whole", 400, _pay_out_by_the_whole),
)
# fmt: on

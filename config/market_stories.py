"""Story 2, step by step: an order of several sellers, and payouts that are held against a rule."""

import json
from collections.abc import Callable
from datetime import timedelta

from audit.queries import trail
from config.bench import Bench, expect, expect_nothing_found
from config.demo.facts import captured, delivered, invoiced, ordered, posted, refunded, shipped
from config.demo.market import (
    MARKET,
    MarketPurchase,
    Part,
    paid_out,
    part_cancelled,
    part_ordered,
    part_recorded,
    shares,
    whole_amended,
)


def tell_market(bench: Bench, *, repair: Callable[..., object]) -> None:
    """Tell the story in its three endings; `repair` does by one click what a person would."""
    with bench.story("2 Marketplace: several sellers, split payouts"):
        _all_goes_well(bench)
    with bench.story("2 Marketplace: a seller is paid too little"):
        _paid_too_little(bench, repair)
    with bench.story("2 Marketplace: a cancelled sub-order is paid out"):
        _paid_though_cancelled(bench)


def _all_goes_well(bench: Bench) -> None:
    bought = _ordered(bench)
    first, *others = bought.parts
    with bench.step("One seller ships: his sub-order moves, the order waits for the others"):
        _ship(bench, first)
        expect("The seller's sub-order", found=_state(bench, first), wanted="FULFILLED")
        expect("The others", found={_state(bench, each) for each in others}, wanted={"CONFIRMED"})
        expect("The order", found=bench.order(bought.whole).state, wanted="CONFIRMED")
    with bench.step("The last one ships and the order is invoiced: all of it is billed"):
        for part in others:
            _ship(bench, part)
        bench.say(invoiced(bought.whole, bench.at))
        bench.go_on(minutes=5)
        expect("The sub-orders", found=_states(bench, bought), wanted={"RECONCILED"})
        expect("The order", found=bench.order(bought.whole).state, wanted="RECONCILED")
    with bench.step("Delivered: every payout is awaited, which is on the trail and no noise"):
        _deliver(bench, bought)
        expect("The decisions", found=_newest_decisions(bench, bought), wanted={"payout.awaited"})
        _expect_nothing_found(bought)
    with bench.step("Each seller is paid his share: each decision on the trail, all reconciled"):
        due = shares(bought.parts)
        for part in bought.parts:
            bench.say(paid_out(part, bench.at, due[part.purchase.order]))
        bench.go_on(minutes=5)
        expect("The decisions", found=_newest_decisions(bench, bought), wanted={"payout.matches"})
        expect("The sub-orders", found=_states(bench, bought), wanted={"RECONCILED"})
        expect("The order", found=bench.order(bought.whole).state, wanted="RECONCILED")
        _expect_nothing_found(bought)


def _paid_too_little(bench: Bench, repair: Callable[..., object]) -> None:
    bought = _fulfilled(bench)
    first, *others = bought.parts
    share_minor = shares(bought.parts)[first.purchase.order]
    with bench.step("A payout is short: for a day the rest may come, and nothing is found"):
        bench.say(paid_out(first, bench.at, share_minor - 100))
        for part in others:
            bench.say(paid_out(part, bench.at, shares(bought.parts)[part.purchase.order]))
        bench.go_on(hours=20)
        _expect_nothing_found(bought)
    with bench.step("Then it is a case for Revenue ops, with the share and what was paid"):
        bench.go_on(hours=5)
        case = bench.case(first.purchase, "payout_vs_split")
        expect("The team", found=case.team.slug, wanted="revenue-ops")
        sides = (case.discrepancy.expected_minor, case.discrepancy.actual_minor)
        expect("Both sides", found=sides, wanted=(share_minor, share_minor - 100))
        expect("The decision", found=_decisions(bench, first)[-1], wanted="payout.differs")
    with bench.step("A team lead has the rest paid with a reason, and the case settles"):
        repair(bench, case, "pay_seller", role="Team lead", reason="Paid short.")
        bench.go_on(minutes=5)
        case = bench.case(first.purchase, "payout_vs_split")
        expect("The case", found=case.state, wanted="SETTLED")
        expect("The decision", found=_decisions(bench, first)[-1], wanted="payout.matches")


def _paid_though_cancelled(bench: Bench) -> None:
    bought = _ordered(bench)
    gone, *left = bought.parts
    with bench.step("One seller cancels: his sub-order ends, the order goes on without it"):
        bench.say(part_cancelled(gone, bench.at), whole_amended(bought, tuple(left), bench.at))
        bench.say(refunded(bought.whole, bench.at, gone.purchase.total_minor))
        for part in left:
            _ship(bench, part)
        expect("The seller's sub-order", found=_state(bench, gone), wanted="CLOSED")
        expect("The order", found=bench.order(bought.whole).state, wanted="FULFILLED")
        _expect_nothing_found(bought)
    with bench.step("He is paid out all the same: a case, and nothing about the other sellers"):
        due = shares(tuple(left))
        for part in left:
            bench.say(paid_out(part, bench.at, due[part.purchase.order]))
        bench.say(paid_out(gone, bench.at, gone.purchase.total_minor))
        bench.go_on(minutes=5)
        case = bench.case(gone.purchase, "payout_to_cancelled")
        expect("The amount at risk", found=case.at_risk_minor, wanted=gone.purchase.total_minor)
        for part in left:
            expect_nothing_found(part.purchase)


def _ordered(bench: Bench) -> MarketPurchase:
    bought = bench.buy_from_sellers()
    with bench.step("An order of several sellers comes in, is paid and split: nothing is found"):
        bench.say(ordered(bought.whole, MARKET, {"confirmed": True}))
        bench.say(captured(bought.whole, bench.at), posted(bought.whole, bench.at))
        for part in bought.parts:
            bench.say(part_ordered(bought, part, bench.at + timedelta(minutes=5)))
        bench.go_on(minutes=10)
        expect("The sub-orders", found=_states(bench, bought), wanted={"CONFIRMED"})
        _expect_nothing_found(bought)
    return bought


def _fulfilled(bench: Bench) -> MarketPurchase:
    bought = _ordered(bench)
    with bench.step("All of it is sent, invoiced and delivered"):
        for part in bought.parts:
            _ship(bench, part)
        bench.say(invoiced(bought.whole, bench.at))
        _deliver(bench, bought)
        # Not Reconciled yet: the sellers' payouts are still to come.
        state = bench.order(bought.whole).state
        expect("The order", found=state, wanted="BILLED")
    return bought


def _ship(bench: Bench, part: Part) -> None:
    bench.say(shipped(part.purchase, bench.at), part_recorded(part, bench.at))
    bench.go_on(minutes=5)


def _deliver(bench: Bench, bought: MarketPurchase) -> None:
    for part in bought.parts:
        bench.say(delivered(part.purchase, bench.at))
    bench.go_on(minutes=5)


def _state(bench: Bench, part: Part) -> str:
    return str(bench.order(part.purchase).state)


def _states(bench: Bench, bought: MarketPurchase) -> set[str]:
    return {_state(bench, part) for part in bought.parts}


def _decisions(bench: Bench, part: Part) -> list[str]:
    """Read off the trail what was decided about a seller's payout, the oldest first."""
    rows = trail(stream="order", subject_id=bench.order(part.purchase).pk)
    found = [row for row in rows.defer(None) if row.action.startswith("payout.")]
    for row in found:
        detail = json.loads(bytes(row.body))["detail"]
        expect("The seller", found=detail["what"], wanted=part.seller)
    return [row.action for row in sorted(found, key=lambda row: row.sequence)]


def _newest_decisions(bench: Bench, bought: MarketPurchase) -> set[str]:
    return {_decisions(bench, part)[-1] for part in bought.parts}


def _expect_nothing_found(bought: MarketPurchase) -> None:
    for purchase in (bought.whole, *(part.purchase for part in bought.parts)):
        expect_nothing_found(purchase)

"""The stories that must work, step by step: what an operator asks of an installation."""

from datetime import timedelta

from config.bench import OBLIGING, REFUSING, Bench, expect, expect_nothing_found
from config.demo.company import PARCEL, SUBSCRIPTION, Purchase
from config.demo.facts import (
    CRM,
    SHOP,
    authorised,
    captured,
    confirmed,
    declined,
    delivered,
    invoiced,
    ordered,
    posted,
    recorded,
    shipped,
)
from config.demo.telling import as_bytes
from config.market_stories import tell_market
from config.settlement_stories import tell_settlements
from exceptions import repair
from exceptions.models import Case, RepairAttempt
from exceptions.repairs.plan import Plan
from reconciliation.models import Entry, WriteBack


def tell_all(bench: Bench) -> None:
    """Tell every story that exists."""
    with bench.story("1 Subscription: invoice sent, never switched on"):
        _activated_by_itself(bench)
    with bench.story("1 Subscription: the app refuses, a person repairs"):
        _activated_by_a_person(bench)
    tell_market(bench, repair=_repair)
    tell_settlements(bench)
    with bench.story("4 Shop order: everything in order"):
        _all_goes_well(bench)
    with bench.story("4 Shop order: charge declined"):
        _declined(bench)
    with bench.story("4 Shop order: charged twice"):
        _charged_twice(bench)
    with bench.story("4 Shop order: shipped, not marked fulfilled"):
        _not_marked(bench)
    with bench.story("4 Shop order: paid, not posted"):
        _not_posted(bench)


def _activated_by_itself(bench: Bench) -> None:
    bench.systems.chances = OBLIGING
    purchase = _invoiced_subscription(bench)
    with bench.step("Once the hour is over it is found, activated and settled by itself"):
        bench.go_on(minutes=45)
        _expect_settled_by_itself(bench, purchase, "invoice_sent_not_active")
        expect("The subscription's being on", found=bench.order(purchase).is_active, wanted=True)
    with bench.step("The app's own webhook about it counts nothing twice"):
        for slug, event in bench.echoes:
            bench.post(slug, as_bytes(event))
        bench.go_on(minutes=5)
        entries = Entry.objects.filter(order__canonical_id=purchase.order, kind="ACTIVATED")
        expect("The number of activations", found=entries.count(), wanted=1)
    with bench.step("Paid and posted, it is reconciled, and closed three days later"):
        bench.say(captured(purchase, bench.at), posted(purchase, bench.at + timedelta(hours=1)))
        bench.go_on(hours=2)
        expect("The order", found=bench.order(purchase).state, wanted="RECONCILED")
        bench.go_on(days=4)
        expect("The order", found=bench.order(purchase).state, wanted="CLOSED")


def _activated_by_a_person(bench: Bench) -> None:
    bench.systems.chances = REFUSING
    purchase = _invoiced_subscription(bench)
    with bench.step("The app refuses: a case for Customer ops, with clocks and a repair to click"):
        bench.go_on(minutes=45)
        case = bench.case(purchase, "invoice_sent_not_active")
        expect("The team", found=case.team.slug, wanted="customer-ops")
        expect("The moment of its closing", found=case.closed_at, wanted=None)
        expect(
            "A missing clock",
            found=None in (case.respond_due_at, case.resolve_due_at),
            wanted=False,
        )
        expect(
            "The recommended repair", found=case.recommended_repair, wanted="activate_subscription"
        )
    bench.systems.chances = OBLIGING
    with bench.step("An operator runs the repair, and the case settles"):
        attempt = _repair(bench, case, "activate_subscription", role="Operator")
        bench.go_on(minutes=5)
        expect("The case", found=bench.case(purchase, case.check_name).state, wanted="SETTLED")
        expect("The subscription's being on", found=bench.order(purchase).is_active, wanted=True)
    with bench.step("Undone, the subscription is off again, and the case is back"):
        person = bench.person(role="Operator", team=case.team.slug)
        repair.undo(attempt_id=attempt.pk, by=person, at=bench.at)
        bench.go_on(minutes=5)
        expect("The subscription's being on", found=bench.order(purchase).is_active, wanted=False)
        expect(
            "The moment of its closing",
            found=bench.case(purchase, case.check_name).closed_at,
            wanted=None,
        )


def _all_goes_well(bench: Bench) -> None:
    purchase = bench.buy(PARCEL)
    with bench.step("Ordered, paid, posted, shipped, recorded, invoiced, delivered: reconciled"):
        _ordered_and_paid(bench, purchase)
        bench.say(posted(purchase, bench.at))
        bench.go_on(hours=24)
        bench.say(shipped(purchase, bench.at), recorded(purchase, bench.at))
        bench.say(invoiced(purchase, bench.at))
        bench.go_on(hours=24)
        bench.say(delivered(purchase, bench.at))
        bench.go_on(hours=1)
        expect_nothing_found(purchase)
        expect("The order", found=bench.order(purchase).state, wanted="RECONCILED")


def _declined(bench: Bench) -> None:
    purchase = bench.buy(PARCEL)
    with bench.step("The card is declined and the order confirmed: waiting for a day, no noise"):
        bench.say(ordered(purchase, SHOP, {}), declined(purchase, bench.at))
        bench.say(confirmed(purchase, bench.at + timedelta(minutes=1)))
        bench.go_on(hours=23)
        expect_nothing_found(purchase)
    with bench.step("After a day it is a case for Revenue ops"):
        bench.go_on(hours=2)
        case = bench.case(purchase, "charge_failed_but_confirmed")
        expect("The team", found=case.team.slug, wanted="revenue-ops")
    with bench.step("An operator cancels the order, and the case settles"):
        _repair(bench, case, "cancel_order", role="Operator")
        bench.go_on(minutes=5)
        expect("The case", found=bench.case(purchase, case.check_name).state, wanted="SETTLED")


def _charged_twice(bench: Bench) -> None:
    purchase = bench.buy(PARCEL)
    with bench.step("The second charge is a case for Revenue ops, not repaired by itself"):
        _ordered_and_paid(bench, purchase)
        bench.say(posted(purchase, bench.at), captured(purchase, bench.at, "B"))
        bench.go_on(minutes=5)
        case = bench.case(purchase, "paid_twice")
        expect("The team", found=case.team.slug, wanted="revenue-ops")
        expect("The amount at risk", found=case.at_risk_minor, wanted=purchase.total_minor)
        expect("The moment of its closing", found=case.closed_at, wanted=None)
    with bench.step("A team lead refunds it with a reason, and the case settles"):
        _repair(bench, case, "refund_payment", role="Team lead", reason="Charged twice.")
        bench.go_on(minutes=5)
        expect("The case", found=bench.case(purchase, case.check_name).state, wanted="SETTLED")
        refunded_minor = bench.order(purchase).refunded_minor
        expect("What was refunded", found=refunded_minor, wanted=purchase.total_minor)


def _not_marked(bench: Bench) -> None:
    purchase = bench.buy(PARCEL)
    with bench.step("Shipped and not marked for a day: marked in the shop by itself, settled"):
        _ordered_and_paid(bench, purchase)
        bench.say(posted(purchase, bench.at), shipped(purchase, bench.at))
        bench.go_on(hours=25)
        _expect_settled_by_itself(bench, purchase, "shipped_not_recorded")
        expect("Missing in the shop", found=bench.order(purchase).recorded_at is None, wanted=False)


def _not_posted(bench: Bench) -> None:
    purchase = bench.buy(PARCEL)
    with bench.step("Paid and not posted for two days: posted by itself, settled"):
        _ordered_and_paid(bench, purchase)
        bench.go_on(hours=49)
        _expect_settled_by_itself(bench, purchase, "paid_not_posted")
        expect(
            "What is posted", found=bench.order(purchase).posted_minor, wanted=purchase.total_minor
        )


def _invoiced_subscription(bench: Bench) -> Purchase:
    purchase = bench.buy(SUBSCRIPTION)
    with bench.step("The order and its invoice come in; within the hour nothing is found"):
        bench.say(ordered(purchase, CRM, {"confirmed": True}))
        bench.say(invoiced(purchase, bench.at + timedelta(minutes=5)))
        bench.go_on(minutes=30)
        expect("The order", found=bench.order(purchase).state, wanted="CONFIRMED")
        expect_nothing_found(purchase)
    return purchase


def _ordered_and_paid(bench: Bench, purchase: Purchase) -> None:
    bench.say(ordered(purchase, SHOP, {}), authorised(purchase, bench.at))
    bench.say(confirmed(purchase, bench.at), captured(purchase, bench.at))
    bench.go_on(minutes=10)


def _expect_settled_by_itself(bench: Bench, purchase: Purchase, check_name: str) -> None:
    case = bench.case(purchase, check_name)
    expect("The case", found=case.state, wanted="SETTLED")
    expect(
        "Automatic repairs",
        found=case.repairs.filter(is_automatic=True, state="DONE").count(),
        wanted=1,
    )
    delivered_ones = WriteBack.objects.filter(order=case.order, state="DELIVERED")
    expect("Delivered write-backs", found=delivered_ones.count(), wanted=1)


def _repair(bench: Bench, case: Case, kind: str, *, role: str, reason: str = "") -> RepairAttempt:
    """Preview a repair and run it, as a person would by one click."""
    plan = repair.preview(case_id=case.pk, kind=kind)
    if not isinstance(plan, Plan):
        expect("The refusal of a plan", found=plan.why, wanted="")
    assert isinstance(plan, Plan)
    return repair.run(
        case_id=case.pk,
        kind=kind,
        plan_sha256=plan.sha256(),
        idempotency_key=f"selfcheck-{case.pk}-{kind}",
        by=bench.person(role=role, team=case.team.slug),
        at=bench.at,
        reason=reason,
        approved_by=bench.person(role=role, team=case.team.slug, name="second"),
    )

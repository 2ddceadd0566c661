"""Story 3, step by step: paid in one currency, settled days later in another, net of fees."""

from decimal import Decimal

from config.bench import OBLIGING, Bench, expect, expect_nothing_found
from config.demo.border import Terms, announced, finalised, terms
from config.demo.company import PARCEL, Purchase
from config.demo.facts import (
    SHOP,
    Fact,
    authorised,
    captured,
    confirmed,
    delivered,
    invoiced,
    ordered,
    recorded,
    shipped,
)
from reconciliation.models import Discrepancy, WriteBack

_RATES = {"USD": Decimal("0.9213"), "JPY": Decimal("0.006139"), "GBP": Decimal("1.1653")}


def tell_settlements(bench: Bench) -> None:
    """Tell the three ways in which a payment from abroad is settled."""
    bench.systems.chances = OBLIGING
    with bench.story("3 Cross-border: settled days later in another currency"):
        _settled(bench)
    with bench.story("3 Cross-border: settlement late"):
        _late(bench)
    with bench.story("3 Cross-border: settlement short"):
        _short(bench)


def _settled(bench: Bench) -> None:
    purchase, charge, due = _delivered_abroad(bench, "JPY")
    with bench.step("Two days on, the settlement is pending: the order waits, and nothing is said"):
        bench.go_on(days=2)
        expect_nothing_found(purchase)
        order = bench.order(purchase)
        expect("The order", found=(order.state, order.verdict), wanted=("BILLED", "WAITING"))
        expect("What counts as settled", found=order.settled_minor, wanted=0)
    with bench.step(
        "Final in euros, it counts in yen at the rate it states; net and fee are gross"
    ):
        bench.say(finalised(charge, bench.at, due))
        bench.go_on(hours=1)
        order = bench.order(purchase)
        is_near = abs(order.settled_gross_minor - purchase.total_minor) <= 1  # a cent is 1.6 yen
        expect("Gross, to the yen, as was paid", found=is_near, wanted=True)
        expect(
            "Net and fee together",
            found=order.settled_minor + order.fee_minor,
            wanted=order.settled_gross_minor,
        )
        expect_nothing_found(purchase)
    with bench.step("A day later it is posted to billing by itself, with gross, fee, net and rate"):
        bench.go_on(hours=24)
        case = bench.case(purchase, "settled_not_posted")
        expect("The case", found=case.state, wanted="SETTLED")
        owed = WriteBack.objects.get(order=case.order, state="DELIVERED")
        (posted,) = owed.payload["settlements"]
        told = {name: posted[name] for name in Terms._fields}
        expect("What was posted", found=told, wanted=due._asdict())
        order = bench.order(purchase)
        expect("What is posted", found=order.posted_minor, wanted=purchase.total_minor)
        expect("The order", found=order.state, wanted="RECONCILED")


def _late(bench: Bench) -> None:
    purchase, charge, due = _delivered_abroad(bench, "USD")
    with bench.step("For five business days nothing is said"):
        bench.go_on(days=4)
        expect_nothing_found(purchase)
    with bench.step("After that it is one case for Revenue ops, and no repair is offered"):
        bench.go_on(days=4)
        case = bench.case(purchase, "late_settlement")
        expect("The team", found=case.team.slug, wanted="revenue-ops")
        expect("The recommended repair", found=case.recommended_repair, wanted="")
        found = Discrepancy.objects.filter(order=case.order).values_list("check_name", flat=True)
        expect("All that is found", found=list(found), wanted=["late_settlement"])
    with bench.step("It comes after all: the case settles by itself"):
        bench.say(finalised(charge, bench.at, due))
        bench.go_on(hours=1)
        expect("The case", found=bench.case(purchase, case.check_name).state, wanted="SETTLED")


def _short(bench: Bench) -> None:
    purchase, charge, due = _delivered_abroad(bench, "GBP")
    with bench.step("Less comes than gross less fee: one case that names what is missing"):
        bench.go_on(days=3)
        bench.say(finalised(charge, bench.at, due._replace(net_minor=due.net_minor - 500)))
        bench.go_on(hours=1)
        case = bench.case(purchase, "settlement_short")
        missing_minor = round(500 / _RATES["GBP"])
        gap = abs(case.at_risk_minor - missing_minor)
        expect("The amount at risk, to the penny", found=gap <= 1, wanted=True)
    with bench.step("While it is short, nothing is posted"):
        bench.go_on(days=2)
        expect("Write-backs", found=WriteBack.objects.filter(order=case.order).count(), wanted=0)


def _delivered_abroad(bench: Bench, currency: str) -> tuple[Purchase, Fact, Terms]:
    """Sell and deliver something that is paid in another currency; its settlement is announced."""
    purchase = bench.buy(PARCEL)._replace(currency=currency)
    due = terms(purchase.total_minor, currency, _RATES[currency])
    with bench.step(f"Ordered and paid in {currency}, delivered; the settlement is announced"):
        charge = captured(purchase, bench.at)
        bench.say(ordered(purchase, SHOP, {}), authorised(purchase, bench.at))
        bench.say(confirmed(purchase, bench.at), charge, announced(charge, bench.at, due))
        bench.say(shipped(purchase, bench.at), recorded(purchase, bench.at))
        bench.say(invoiced(purchase, bench.at), delivered(purchase, bench.at))
        bench.go_on(hours=1)
        expect_nothing_found(purchase)
    return purchase, charge, due

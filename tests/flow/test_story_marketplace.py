"""Story 2: an order of two sellers, partial shipments, and payouts held against the split rule."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from exceptions import repair
from exceptions.explain import why_here
from exceptions.models import Case
from exceptions.repairs.plan import Plan
from reconciliation.models import Order
from tests.exceptions.people import connect, install_product, lead
from tests.exceptions.target import Target, serve
from tests.world import NOON, line, place, say, settle, the_order

pytestmark = pytest.mark.django_db
EUR: dict[str, Any] = {"currency": "EUR"}
LINES = {"W-1": line("1", 2, 500), "W-2": line("2", 1, 2000)}
SHARES = {"W-1": 850, "W-2": 1700}
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def ordered() -> None:
    """Tell of an order of 30 euros, paid and posted, of which 10 are Acme's and 20 are Bolt's."""
    install_product()
    place("W", NOON, total_minor=3000, lines=list(LINES.values()))
    say("card-payments", "payment.captured", "W", NOON, payment="P", amount_minor=3000, **EUR)
    say("billing", "payment.posted", "W", NOON, posting="J", payment="P", amount_minor=3000, **EUR)
    for (part, its), seller in zip(LINES.items(), ("Acme", "Bolt"), strict=True):
        total = int(str(its["quantity"])) * int(str(its["unit_minor"]))
        place(part, NOON, parent="W", seller=seller, total_minor=total, lines=[its])


def sent(part: str) -> None:
    parcel = {"line": LINES[part]["line"], "quantity": LINES[part]["quantity"]}
    say("carrier", "shipment.shipped", part, NOON, shipment=f"S-{part}", lines=[parcel])
    say("carrier", "shipment.delivered", part, NOON, shipment=f"S-{part}")
    say("shop", "fulfilment.recorded", part, NOON, fulfilment=f"F-{part}")


def invoiced() -> None:
    say("billing", "invoice.issued", "W", NOON, invoice="I", amount_minor=3000, **EUR)


def paid_out(part: str, amount_minor: int, at: datetime) -> None:
    say("card-payments", "payout.paid", part, at, payout=f"O-{part}-{amount_minor}",
        amount_minor=amount_minor, **EUR)  # fmt: skip


def cases() -> list[tuple[str, str, str]]:
    found = Case.objects.filter(closed_at__isnull=True).select_related("order", "team")
    return sorted((str(case.order), case.check_name, case.team.slug) for case in found)


def test_sent_invoiced_and_paid_out_by_the_rule_all_of_it_is_closed() -> None:
    for part, share in SHARES.items():
        sent(part)
        paid_out(part, share, NOON + DAY)
    invoiced()
    for days in range(1, 7):
        settle(NOON + days * DAY)

    assert set(Order.objects.values_list("state", flat=True)) == {"CLOSED"}
    assert Case.objects.count() == 0


def test_what_one_seller_sends_moves_his_sub_order_and_nothing_else() -> None:
    sent("W-1")
    invoiced()

    settle(NOON + timedelta(hours=1))

    assert the_order("W-1").state == "BILLED"  # his payout is awaited
    assert (the_order("W-2").state, the_order("W").state) == ("CONFIRMED", "CONFIRMED")
    assert cases() == []


def test_a_short_payout_is_a_case_that_says_share_and_rule_and_settles_with_the_rest() -> None:
    for part in SHARES:
        sent(part)
    invoiced()
    paid_out("W-1", 800, NOON)
    paid_out("W-2", 1700, NOON)
    settle(NOON)
    settle(NOON + DAY)
    assert cases() == [("W-1", "payout_vs_split", "revenue-ops")]
    assert why_here(Case.objects.get()).endswith(
        "the seller's share is €8.50 (85 % of the sub-order), €8.00 was paid out."
    )
    assert (the_order("W-2").state, the_order("W").state) == ("RECONCILED", "BILLED")

    paid_out("W-1", 50, NOON + DAY)
    settle(NOON + DAY)

    assert the_order("W").state == "RECONCILED"
    assert cases() == []
    assert Case.objects.get().state == "SETTLED"


def test_a_seller_who_never_sends_is_one_case_about_his_sub_order() -> None:
    sent("W-1")
    paid_out("W-1", 850, NOON)

    settle(NOON + 11 * DAY)

    assert cases() == [("W-2", "silent_order", "fulfilment-ops")]


def test_a_lead_has_the_rest_paid_by_one_click_and_the_case_settles() -> None:
    for part in SHARES:
        sent(part)
    paid_out("W-1", 800, NOON)
    paid_out("W-2", 1701, NOON)
    invoiced()
    with serve(Target(at=NOON + DAY)) as marketplace:
        connect("marketplace", marketplace)
        settle(NOON)
        settle(NOON + DAY)
        short, over = Case.objects.order_by("order__canonical_id")
        assert [short.recommended_repair, over.recommended_repair] == ["pay_seller", ""]

        plan = repair.preview(case_id=short.pk, kind="pay_seller")
        assert isinstance(plan, Plan)
        repair.run(
            case_id=short.pk, kind="pay_seller", plan_sha256=plan.sha256(), idempotency_key="f",
            by=lead(team="revenue-ops"), at=NOON + DAY, reason="Paid short",
            approved_by=lead("lia", team="revenue-ops"),
        )  # fmt: skip
        settle(NOON + DAY)

    assert cases() == [("W-2", "payout_vs_split", "revenue-ops")]
    assert the_order("W-1").paid_out_minor == 850
    impossible = repair.preview(case_id=over.pk, kind="pay_seller")
    assert isinstance(impossible, Plan)
    assert not impossible.is_possible

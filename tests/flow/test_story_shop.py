"""Story 4: a shop order declined, charged twice, shipped and not marked, paid and not posted."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User

from exceptions import repair
from exceptions.models import Case
from exceptions.repairs.plan import Plan
from tests.exceptions.people import connect, install_product, lead, operator
from tests.exceptions.target import Target, serve
from tests.world import NOON, line, place, say, settle, the_order

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=3)


@pytest.fixture
def target() -> Iterator[Target]:
    install_product()
    with serve(Target(at=LATER)) as listening:
        for slug in ("shop", "billing", "card-payments"):
            connect(slug, listening)
        yield listening


def ordered() -> None:
    place("SO-1", NOON, lines=[line(quantity=2, unit_minor=500)])


def shipped() -> None:
    say("carrier", "shipment.shipped", "SO-1", NOON, shipment="P-1",
        lines=[{"line": "1", "quantity": 2}])  # fmt: skip


def invoiced() -> None:
    say("billing", "invoice.issued", "SO-1", NOON, invoice="I-1", amount_minor=1000,
        currency="EUR")  # fmt: skip


def paid(payment: str = "C-1", at: datetime = NOON) -> None:
    say("card-payments", "payment.captured", "SO-1", at, payment=payment, amount_minor=1000,
        currency="EUR")  # fmt: skip


def click(kind: str, *, by: User, reason: str = "", approved_by: User | None = None) -> None:
    case = Case.objects.get(closed_at__isnull=True)
    plan = repair.preview(case_id=case.pk, kind=kind)
    assert isinstance(plan, Plan)
    repair.run(
        case_id=case.pk, kind=kind, plan_sha256=plan.sha256(), idempotency_key="form",
        by=by, at=LATER, reason=reason, approved_by=approved_by,
    )  # fmt: skip
    settle(LATER)


def actions(target: Target) -> set[str]:
    return {action for _, action in target.effects}


def test_shipped_and_paid_are_told_to_the_shop_and_the_ledger_without_anyone(
    target: Target,
) -> None:
    for told in (ordered, shipped, invoiced, paid):
        told()
    settle(NOON)

    settle(LATER)

    order = the_order("SO-1")
    assert actions(target) == {"mark_fulfilled", "post_payment"}
    assert (order.recorded_quantity, order.posted_minor) == (2, 1000)
    assert order.state == "RECONCILED"
    assert set(Case.objects.values_list("state", "closed_by")) == {("SETTLED", "service:repair")}


def test_what_was_delivered_and_never_billed_is_billed(target: Target) -> None:
    ordered()
    shipped()
    say("shop", "fulfilment.recorded", "SO-1", NOON, fulfilment="F-1")
    say("carrier", "shipment.delivered", "SO-1", NOON, shipment="P-1")
    settle(NOON)

    settle(LATER)

    assert actions(target) == {"issue_invoice"}
    assert the_order("SO-1").invoiced_minor == 1000


def test_a_declined_charge_is_a_persons_call_and_one_click_cancels(target: Target) -> None:
    ordered()
    say("card-payments", "payment.failed", "SO-1", NOON, payment="C-1", amount_minor=1000,
        currency="EUR")  # fmt: skip
    settle(NOON)
    settle(LATER)
    assert target.calls == []

    click("cancel_order", by=operator(team="revenue-ops"))

    case = Case.objects.get()
    assert (case.check_name, case.state) == ("charge_failed_but_confirmed", "SETTLED")
    assert the_order("SO-1").cancelled_at is not None


def test_a_second_charge_goes_back_by_a_lead(target: Target) -> None:
    for told in (ordered, shipped, invoiced, paid):
        told()
    paid("C-2", NOON + timedelta(minutes=1))
    settle(NOON)
    settle(LATER)

    click(
        "refund_payment",
        by=lead(team="revenue-ops"),
        reason="Charged twice",
        approved_by=lead("lia", team="revenue-ops"),
    )

    order = the_order("SO-1")
    assert (order.paid_minor, order.refunded_minor) == (2000, 1000)
    assert not Case.objects.filter(closed_at__isnull=True).exists()

"""Story 3: paid in one currency, settled days later in another, net of fees; late; short."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exceptions.models import Case
from reconciliation.models import Discrepancy, WriteBack
from tests.exceptions.people import connect, install_product
from tests.exceptions.target import Target, serve
from tests.world import line, place, say, settle, the_order

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 11, 2, 10, tzinfo=UTC)
FINAL = MONDAY + timedelta(days=3)
POSTED_BY = FINAL + timedelta(hours=25)
RATE = "0.9213"


@pytest.fixture
def target() -> Iterator[Target]:
    install_product()
    with serve(Target(at=POSTED_BY)) as listening:
        connect("billing", listening)
        yield listening


def delivered_abroad() -> None:
    """Sell, take USD 100.00, ship and bill; the money is announced in euros."""
    place("SO-1", MONDAY, currency="USD", total_minor=10_000, lines=[line(unit_minor=10_000)])
    paid: dict[str, Any] = {"payment": "C-1", "amount_minor": 10_000, "currency": "USD"}
    say("card-payments", "payment.authorised", "SO-1", MONDAY, **paid)
    say("card-payments", "payment.captured", "SO-1", MONDAY, fee_minor=165, **paid)
    say("card-payments", "settlement.pending", "SO-1", MONDAY, **settlement())
    say("carrier", "shipment.shipped", "SO-1", MONDAY, shipment="P-1",
        lines=[{"line": "1", "quantity": 1}])  # fmt: skip
    say("shop", "fulfilment.recorded", "SO-1", MONDAY, fulfilment="F-1")
    say("billing", "invoice.issued", "SO-1", MONDAY, invoice="I-1", amount_minor=10_000,
        currency="USD")  # fmt: skip
    settle(MONDAY)


def settlement(net_minor: int = 8_921, rate: str | None = RATE) -> dict[str, Any]:
    return {
        "settlement": "S-1", "payment": "C-1", "gross_minor": 9_213, "fee_minor": 292,
        "net_minor": net_minor, "currency": "EUR", **({"rate": rate} if rate else {}),
    }  # fmt: skip


def finalised(at: datetime = FINAL, **said: object) -> None:
    say("card-payments", "settlement.finalised", "SO-1", at, **{**settlement(), **said})
    settle(at)


def found() -> set[str]:
    return set(Discrepancy.objects.values_list("check_name", flat=True))


def test_a_settlement_that_takes_days_makes_no_noise_then_is_posted_and_reconciled(
    target: Target,
) -> None:
    delivered_abroad()

    settle(FINAL - timedelta(hours=1))
    waiting = the_order("SO-1")
    assert (waiting.state, waiting.verdict, found()) == ("BILLED", "WAITING", set())
    finalised()
    assert found() == set()
    settle(POSTED_BY)

    order = the_order("SO-1")
    assert (order.state, order.posted_minor, order.fee_minor) == ("RECONCILED", 10_000, 317)
    assert (order.settled_gross_minor, order.settled_minor) == (10_000, 9_683)
    case = Case.objects.get()
    assert (case.check_name, case.state) == ("settled_not_posted", "SETTLED")
    assert case.closed_by == "service:repair"
    owed = WriteBack.objects.get()
    assert (owed.action, owed.state) == ("post_settlement", "DELIVERED")
    assert owed.payload["settlements"] == [
        {
            "settlement": "S-1", "gross_minor": 9_213, "fee_minor": 292, "net_minor": 8_921,
            "currency": "EUR", "rate": RATE,
        }
    ]  # fmt: skip


def test_what_billing_posts_by_itself_is_not_posted_again(target: Target) -> None:
    delivered_abroad()
    finalised()
    say("billing", "payment.posted", "SO-1", FINAL, posting="L-1", payment="C-1",
        amount_minor=10_000, currency="USD")  # fmt: skip

    settle(POSTED_BY)

    assert (the_order("SO-1").state, found(), target.calls) == ("RECONCILED", set(), [])


def test_a_settlement_is_late_after_five_business_days_and_one_case_says_so(
    target: Target,
) -> None:
    delivered_abroad()
    last_moment = datetime(2026, 11, 9, 18, tzinfo=UTC)  # the next Monday, close of business

    settle(last_moment - timedelta(seconds=1))
    assert found() == set()
    settle(last_moment)

    case = Case.objects.get()
    assert (case.check_name, case.team.slug, case.recommended_repair) == (
        "late_settlement", "revenue-ops", "",
    )  # fmt: skip
    assert found() == {"late_settlement"}
    finalised(last_moment + timedelta(hours=1))
    settle(last_moment + timedelta(hours=26))
    assert (the_order("SO-1").state, case.order_id) == ("RECONCILED", the_order("SO-1").pk)
    assert not Case.objects.filter(closed_at__isnull=True).exists()


def test_a_short_settlement_is_one_case_and_is_not_posted(target: Target) -> None:
    delivered_abroad()

    finalised(net_minor=8_500)
    settle(POSTED_BY + timedelta(days=3))

    case = Case.objects.get()
    assert (case.check_name, case.state, case.at_risk_minor) == ("settlement_short", "NEW", 457)
    assert found() == {"settlement_short"}
    assert target.calls == []


def test_a_settlement_of_another_amount_than_was_paid_is_one_case(target: Target) -> None:
    delivered_abroad()

    finalised(gross_minor=8_813, net_minor=8_521)
    settle(POSTED_BY)

    assert found() == {"paid_vs_settled"}
    assert Case.objects.get().at_risk_minor == 434


def test_without_a_rate_nothing_is_converted_and_the_checks_wait(target: Target) -> None:
    delivered_abroad()

    finalised(rate=None)
    settle(POSTED_BY)

    order = the_order("SO-1")
    assert (order.settled_minor, order.verdict, found()) == (0, "WAITING", set())
    settle(FINAL + timedelta(days=8))
    assert found() == {"rate_missing"}

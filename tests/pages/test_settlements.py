"""What pages say of settlements: both currencies, the rate, until when, what is missing."""

from datetime import datetime, timedelta
from typing import Any

from django.test import Client

from exceptions.models import Case
from tests import world
from tests.pages.conftest import find
from tests.pages.test_desk import body

SAID: dict[str, Any] = {
    "settlement": "st_9", "payment": "ch_9", "gross_minor": 9_213, "fee_minor": 292,
    "net_minor": 8_921, "currency": "EUR", "rate": "0.9213",
}  # fmt: skip


def paid_abroad(at: datetime) -> None:
    world.place("A-9", at, currency="USD", total_minor=10_000)
    world.say("card-payments", "payment.captured", "A-9", at, payment="ch_9", amount_minor=10_000,
              currency="USD")  # fmt: skip
    world.say("billing", "invoice.issued", "A-9", at, invoice="I-9", amount_minor=10_000,
              currency="USD")  # fmt: skip
    world.say("card-payments", "settlement.pending", "A-9", at, **SAID)
    find()


def settled(at: datetime, **said: Any) -> None:  # noqa: ANN401 - parts of a message
    world.say("card-payments", "settlement.finalised", "A-9", at, **{**SAID, **said})
    find()


def test_a_pending_settlement_says_until_when_and_converts_nothing(
    operator: Client, desk: datetime
) -> None:
    paid_abroad(desk - timedelta(hours=30))

    page = body(operator, "/orders/A-9/?tab=sources")

    for words in ("st_9", "Pending", "due by", "€92.13", "-€2.92", "€89.21", "once it is final",
                  "1 USD = 0.9213 EUR", "what counts is the final one"):  # fmt: skip
        assert words in page, words
    assert "Amounts differ" not in page


def test_a_final_settlement_is_told_in_both_currencies_with_its_rate(
    operator: Client, desk: datetime
) -> None:
    paid_abroad(desk - timedelta(hours=60))
    settled(desk - timedelta(hours=1))

    page = body(operator, "/orders/A-9/?tab=sources")

    for words in ("Final", "$100.00", "-$3.17", "$96.83", "as Card payments states it in",
                  "$96.83: $100.00 settled less $3.17 fee"):  # fmt: skip
        assert words in page, words
    assert "Withheld" not in page


def test_a_short_settlement_says_what_is_missing_on_the_order_and_in_its_exception(
    operator: Client, lead: Client, desk: datetime
) -> None:
    paid_abroad(desk - timedelta(hours=60))
    settled(desk - timedelta(hours=1), net_minor=8_500)
    case = Case.objects.get(check_name="settlement_short")

    page, panel = body(operator, "/orders/A-9/?tab=sources"), body(lead, f"/exceptions/{case.pk}/")

    for words in ("Final, short", "Withheld", "-€4.21", "-$4.57", "$92.26"):
        assert words in page, words
    for words in ("$96.83 expected", "$92.26 found", "$4.57 withheld", "Amounts differ by $4.57"):
        assert words in panel, words


def test_a_settlement_without_a_rate_says_so(operator: Client, desk: datetime) -> None:
    paid_abroad(desk - timedelta(hours=60))
    settled(desk - timedelta(hours=1), rate=None)

    page = body(operator, "/orders/A-9/?tab=sources")

    assert "none stated yet, so nothing is converted" in page
    assert "no rate yet" in page

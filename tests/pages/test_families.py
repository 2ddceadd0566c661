"""The pages of an order of several sellers: every sub-order, every payout and what was decided."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEvent
from tests import world
from tests.pages.conftest import find
from tests.pages.test_desk import body

EUR: dict[str, Any] = {"currency": "EUR"}
ACME = "Acme & Söhne"


@pytest.fixture
def split(desk: datetime) -> datetime:
    """Tell of two sellers: Acme delivered and was paid all of it, Bolt has not sent a thing."""
    at = desk - timedelta(days=2)
    mugs, lamp = world.line("1", 2, 500), world.line("2", 1, 2000)
    world.place("W", at, total_minor=3000, lines=[mugs, lamp])
    world.place("W-A", at, parent="W", seller=ACME, total_minor=1000, lines=[mugs])
    world.place("W-B", at, parent="W", seller="Bolt", total_minor=2000, lines=[lamp])
    for type_ in ("shipment.shipped", "shipment.delivered"):
        world.say("carrier", type_, "W-A", at, shipment="S", lines=[{"line": "1", "quantity": 2}])
    for order, name, amount in (("W-A", "PO-1", 800), ("W", "PO-2", 50)):
        world.say("card-payments", "payout.paid", order, at, payout=name, amount_minor=amount,
                  seller=ACME, **EUR)  # fmt: skip
    return find()


def test_the_whole_shows_each_seller_his_share_his_payouts_and_the_decision(
    split: datetime, operator: Client
) -> None:
    page = body(operator, "/orders/W/?tab=parts")

    decided = AuditEvent.objects.get(action="payout.matches")
    for words in (
        '<a href="/orders/W-A/">W-A</a>', "Acme &amp; Söhne", "2 of 2", "0 of 1",
        "€8.50", "85 % of the sub-order", "PO-1</a> €8.00", "PO-2</a> €0.50", "Matches the rule",
        f'href="/orders/W-A/#a-{decided.pk}"', "Not due yet",
        "Sellers&#x27; shares €25.50 of €30.00, €8.50 paid out; €4.50 stays with the marketplace",
        "“Payout differs from the split rule” of the live rulebook",
    ):  # fmt: skip
        assert words in page, words


def test_a_part_leads_to_its_whole_and_tells_its_own_trail(
    split: datetime, operator: Client
) -> None:
    page = body(operator, "/orders/W-A/")

    assert 'part of <a href="/orders/W/">W</a>' in page
    assert "Payout matches the split rule: Acme &amp; Söhne" in page
    for name, value in (("Share", "85 % of the sub-order"), ("Expected", "€8.50")):
        assert f'<dt>{name}</dt><dd class="mono">{value}</dd>' in page
    assert 'aria-current="page">W-A</a>' in body(operator, "/orders/W-A/?tab=parts")
    assert "2 sub-orders</a>" in body(operator, "/orders/W/")


def test_an_order_of_one_seller_has_no_such_tab(desk: datetime, operator: Client) -> None:
    assert "Sub-orders" not in body(operator, "/orders/O-1/")
    assert operator.get("/orders/O-1/?tab=parts").status_code == 404


def test_money_of_the_whole_is_not_missing_on_its_parts(split: datetime, operator: Client) -> None:
    assert "Only one system has spoken" not in body(operator, "/orders/W-A/?tab=sources")
    assert "Amounts differ" not in body(operator, "/orders/W-A/?tab=sources")


def test_payouts_of_an_order_without_sub_orders_are_shown_and_it_is_said_why_none_is_judged(
    desk: datetime, operator: Client
) -> None:
    at = desk - timedelta(days=2)
    world.place("M", at, total_minor=3000, lines=[world.line("1", 1, 3000)])
    for name, seller, amount in (("PO-1", ACME, 800), ("PO-2", "Bolt", 1700)):
        world.say("card-payments", "payout.paid", "M", at, payout=name, amount_minor=amount,
                  seller=seller, **EUR)  # fmt: skip
    find()

    assert 'href="/orders/M/?tab=parts"' in body(operator, "/orders/M/")
    page = body(operator, "/orders/M/?tab=parts")
    for words in ("Payouts that are not judged", "PO-1</a>", "Acme &amp; Söhne", "€17.00",
                  "Once its source tells of a sub-order for each seller"):  # fmt: skip
        assert words in page, words
    why = body(operator, "/orders/M/why/")
    assert "€25.00 were paid out, and are counted but not judged" in why


def test_a_payout_of_the_whole_that_names_no_seller_is_not_lost(
    split: datetime, operator: Client
) -> None:
    world.say("card-payments", "payout.paid", "W", split - timedelta(days=1), payout="PO-3",
              amount_minor=40, **EUR)  # fmt: skip
    find()

    page = body(operator, "/orders/W/?tab=parts")

    assert "name no seller of exactly one sub-order" in page
    assert "PO-3</a></th><td>No seller named" in page


def test_why_shows_share_and_payouts_of_a_sub_order_and_what_its_family_adds(
    split: datetime, operator: Client
) -> None:
    part, whole = body(operator, "/orders/W-A/why/"), body(operator, "/orders/W/why/")

    for words in ("Seller&#x27;s share: 85 % of the sub-order", "€8.50",
                  "Paid out €0.50, told of W", "What was paid out is the share."):  # fmt: skip
        assert words in part, words
    for words in ("Its sub-orders together", "Ordered €20.00, told of W-B",
                  "Shipped 2 of line 1, told of W-A", "Told by shop", "Missing in billing",
                  "€8.50 were paid out for all of them"):  # fmt: skip
        assert words in whole, words

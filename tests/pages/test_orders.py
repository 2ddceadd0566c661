"""The list of orders, and the whole story of one."""

import csv
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.test import Client

from reconciliation.models import Order
from tests import world
from tests.pages.conftest import find
from tests.pages.test_desk import body


def listed(client: Client, query: str) -> set[str]:
    page = body(client, f"/orders/?{query}")
    return {name for name in ("O-1", "O-2", "A-9") if f'href="/orders/{name}/"' in page}


@pytest.mark.parametrize(
    "query",
    [
        "q=A-9",
        "q=ch_9",
        "q=Northwind",
        "f=check:is_empty",
        "f=state:is:FULFILLED",
        "f=paid_minor:at_least:1",
    ],
)
def test_an_order_is_found_by_any_name_and_by_what_is_known_of_it(
    query: str, operator: Client, desk: datetime
) -> None:
    at = desk - timedelta(hours=30)
    customer = {"key": "c-1", "name": "Ann", "company": "Northwind Traders"}
    world.place("A-9", at, customer=customer)
    world.say(
        "card-payments", "payment.captured", "A-9", at, payment="ch_9", amount_minor=1000,
        currency="EUR",
    )  # fmt: skip
    parcel = [{"line": "1", "quantity": 1}]
    world.say("carrier", "shipment.shipped", "A-9", at, shipment="P-9", lines=parcel)
    world.say("shop", "fulfilment.recorded", "A-9", at, fulfilment="F-9")
    find()

    assert listed(operator, query) == {"A-9"}


def test_orders_are_found_by_what_disagrees_and_whose_it_is(operator: Client) -> None:
    assert listed(operator, "f=check:is:invoice_sent_not_active") == {"O-1", "O-2"}
    assert listed(operator, "f=team:is:customer-ops") == {"O-1", "O-2"}
    assert listed(operator, "f=team:is:revenue-ops") == set()
    assert listed(operator, "f=source:is:shop") == {"O-1", "O-2"}
    assert listed(operator, "f=source:is:billing") == set()


def test_each_row_leads_to_its_trail_also_for_who_may_not_read_the_audit_log(
    people: dict[str, Client],
) -> None:
    asked = body(people["Operator"], "/orders/?f=check:is:invoice_sent_not_active")
    editors = body(people["Rule editor"], "/orders/")

    for number in (1, 2):
        href = f"/audit/?stream=order&amp;subject=O-{number}"
        assert href in asked
        trail = body(people["Operator"], href.replace("&amp;", "&"))
        assert "Check broken" in trail
        assert f'href="/orders/O-{number}/#timeline"' in editors
        assert href not in editors


def test_the_story_has_who_what_when_and_what_was_said(operator: Client) -> None:
    page = body(operator, "/orders/O-1/")

    for words in (
        "Order placed, €100.00",
        "Invoice issued I-O-1, €100.00",
        "State Created to Confirmed",
        "Check broken: Invoice sent, subscription off",
        "Exception opened",
        "Not reconciled:",
        "&quot;amount_minor&quot;: 10000",
    ):
        assert words in page


def test_the_story_can_be_narrowed(operator: Client) -> None:
    page = body(operator, "/orders/O-1/?kind=event")

    assert "Order placed" in page
    assert "State Created to Confirmed" not in page


@pytest.mark.parametrize("tab", ["sources", "exceptions"])
def test_every_tab_is_a_page(tab: str, operator: Client) -> None:
    assert body(operator, f"/orders/O-1/?tab={tab}")


def test_a_tab_that_is_not_there_is_not_found(operator: Client) -> None:
    assert operator.get("/orders/O-1/?tab=secrets").status_code == 404


def test_the_trail_is_oldest_first_and_harmless_in_a_spreadsheet(
    operator: Client, desk: datetime
) -> None:
    world.say("billing", "invoice.voided", "O-1", desk, invoice="=cmd()", amount_minor=10_000)
    find()

    answer = operator.get("/orders/O-1/trail.csv")

    rows = list(csv.DictReader(StringIO(answer.content.decode())))
    assert rows[0]["what"] == "Order placed, €100.00"
    assert not [cell for row in rows for cell in row.values() if cell.startswith("=")]


def test_an_outside_id_with_a_slash_has_its_page(operator: Client) -> None:
    Order.objects.create(canonical_id="EU/2026/7", currency="EUR")

    assert "EU/2026/7" in body(operator, "/orders/EU/2026/7/")

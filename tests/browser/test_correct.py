"""Correcting what came, at a real browser: readable in both themes, sent without a script."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from exceptions import intake
from exceptions.models import Case
from reconciliation import ingest, validate
from reconciliation.clock import now
from reconciliation.models import Event, Membership, Team
from tests import world
from tests.browser.conftest import Desk, Visitor
from tests.browser.test_accessibility import everywhere
from tests.pages.test_correct import WRONG


@pytest.fixture
def enricher(desk: Desk) -> User:
    """Leave a message that cannot be read and a payment without an order, and who puts it right."""
    Membership.objects.create(team=Team.objects.get(slug="enrichment"), user=desk.operator)
    source = world.source("shop")
    ingest.store(source=source, messages=[validate.said(WRONG)], at=now())
    days_ago = now() - timedelta(days=3)
    world.place("1001", days_ago, total_minor=4900)
    world.place("1010", days_ago, total_minor=4900)
    world.say("card-payments", "payment.captured", "SHOP-1001", days_ago, payment="P-1",
              amount_minor=4900, currency="EUR")  # fmt: skip
    desk.settle()
    intake.take(limit=10, at=now())
    return desk.operator


def test_its_pages_are_accessible(visitor: Visitor, enricher: User) -> None:
    rejected = Case.objects.get(check_name="event_rejected").pk
    parked = Case.objects.get(check_name="event_parked_too_long").pk
    page = visitor.open("/", by=enricher)
    found = {}

    for path in (f"/exceptions/{rejected}/", f"/exceptions/{rejected}/correct/",
                 f"/exceptions/{parked}/"):  # fmt: skip
        page.goto(visitor.address + path)
        if problems := everywhere(page):
            found[path] = problems

    assert found == {}


def test_a_message_is_corrected_and_sent_without_a_script(visitor: Visitor, enricher: User) -> None:
    case = Case.objects.get(check_name="event_rejected")
    page = visitor.open(f"/exceptions/{case.pk}/", by=enricher, script=False)

    page.click("#do-correct")
    page.click("button[value=send]")
    expect(page.locator("[aria-invalid=true]")).to_have_count(5)
    page.fill("#f-time", "2026-11-04T10:00:00Z")
    page.fill("#f-data-currency", "EUR")
    page.fill("#f-data-total-minor", "1000")
    page.fill("#f-data-lines-0-quantity", "1")
    page.select_option("#f-data-lines-0-fulfil", "ship")
    page.click("button[value=send]")

    expect(page.locator("main")).to_contain_text("Sent again as order.created evt-1")
    assert Event.objects.get(event_id="evt-1").data["total_minor"] == 1000


def test_an_event_is_linked_by_one_click_and_unlinked_by_another(
    visitor: Visitor, enricher: User, desk: Desk
) -> None:
    case = Case.objects.get(check_name="event_parked_too_long")
    page = visitor.open(f"/exceptions/{case.pk}/", by=enricher)

    page.click("#run-repair")
    expect(page.locator(".attempts").first).to_contain_text("Link to order 1001")
    desk.settle()
    assert Event.objects.get(type="payment.captured").status == "APPLIED"
    page.reload()
    page.click("[id^=undo-]")
    desk.settle()

    assert Event.objects.get(type="payment.captured").status == "PARKED"

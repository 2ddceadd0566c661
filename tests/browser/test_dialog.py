"""The command menu over any page, by keyboard alone."""

import re

from playwright.sync_api import expect

from exceptions.models import Case
from tests.browser.conftest import Desk, Visitor
from tests.browser.test_accessibility import faults


def test_anything_is_reached_by_the_keyboard_alone(visitor: Visitor, desk: Desk) -> None:
    page = visitor.open("/exceptions/", by=desk.lead)

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("Control+k")
    expect(page.locator("#go-q")).to_be_focused()
    assert faults(page) == []
    page.keyboard.type("snooze")
    page.keyboard.press("Enter")
    expect(page.locator("#snooze-for")).to_be_focused()  # the panel's own form, no other page
    page.keyboard.press("Control+k")
    expect(page.locator("#go-q")).to_be_focused()
    page.keyboard.type("take")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("It is yours now.")
    page.keyboard.press("Control+k")
    expect(page.locator("#go-q")).to_be_focused()
    page.keyboard.type("ORD-2")
    expect(page.locator("#go-found")).to_have_attribute("data-asked", "ORD-2")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".go__hit").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/orders/ORD-2/"))
    expect(page.locator("html[data-ready]")).to_have_count(1)
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile("/teams/"))

    assert Case.objects.filter(owner=desk.lead).count() == 1

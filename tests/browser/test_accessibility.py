"""Every page, light and dark, wide and narrow: axe finds nothing serious, nothing runs off."""

from datetime import timedelta
from itertools import product
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from config import invariants
from exceptions import messages
from exceptions.models import Case
from reconciliation.clock import now
from reconciliation.models import Event, Heartbeat, Membership
from tests.browser.conftest import Desk, Visitor, forget_to_activate

PAGES = (
    "/exceptions/",
    "/exceptions/?view=mine",
    "/inbox/",
    "/inbox/?show=unread",
    "/notifications/",
    "/exceptions/?q=nothing-is-called-this",
    "/exceptions/{case}/",
    "/orders/",
    "/orders/?q=nothing-is-called-this",
    "/orders/ORD-1/",
    "/orders/ORD-1/?tab=sources",
    "/orders/ORD-1/?tab=exceptions",
    "/orders/ORD-1/why/",
    "/sources/",
    "/sources/shop/",
    "/connect-source/",
    "/events/",
    "/events/?view=rejected",
    "/events/{event}/",
    "/teams/",
    "/teams/customer-ops/",
    "/who/",
    "/who/?q=ORD-1",
    "/go/?q=ORD-1",
    "/keys/",
    "/metrics/",
    "/audit/",
    "/jobs/",
    "/health/",
    "/settings/",
    "/nowhere/",
    "/exceptions/?grouped=1",
    "/exceptions/bulk/",
    "/exceptions/{case}/repairs/activate_subscription/",
    "/orders/ORD-1/replay/",
    "/teams/customer-ops/members/{member}/",
    "/comparisons/",
    "/imports/",
    "/replay/",
    "/schemas/",
)
WIDTHS = (375, 1440)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
RULES: dict[str, object] = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}
# A theme changes colours and nothing else of a page.
RULES_OF_COLOURS = {**RULES, "runOnly": ["color-contrast"]}
# The whole result of axe is large, and takes longer on its way than axe itself.
_SERIOUS = """async (rules) => (await axe.run(document, rules)).violations
  .filter((each) => ["serious", "critical"].includes(each.impact))
  .map((each) => `${each.id}: ${each.nodes.slice(0, 3).map((node) => node.target).join(" | ")}`)"""


def faults(page: Page, rules: dict[str, object] = RULES) -> list[str]:
    """Name what axe finds serious or worse, and what runs off the side."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    serious: list[str] = page.evaluate(_SERIOUS, rules)
    root = "document.documentElement"
    if page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"):
        serious.append("the page scrolls sideways")
    return serious


def everywhere(page: Page) -> dict[str, list[str]]:
    """Name what is wrong with a page, light and dark, wide and narrow, and at 320 pixels."""
    found = {}
    for theme, width in product(THEMES, WIDTHS):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 900})
        if problems := faults(page, RULES if theme == "light" else RULES_OF_COLOURS):
            found[f"{theme} {width}"] = problems
    page.set_viewport_size({"width": 320, "height": 900})
    if page.evaluate("document.documentElement.scrollWidth > 320"):
        found["320"] = ["the page scrolls sideways"]
    page.set_viewport_size({"width": 1440, "height": 900})
    return found


@pytest.mark.parametrize("half", [0, 1])
def test_every_page_is_accessible_and_loses_nothing(
    visitor: Visitor, desk: Desk, half: int
) -> None:
    shown = {
        "case": Case.objects.earliest("pk").pk,
        "event": Event.objects.earliest("pk").pk,
        "member": Membership.objects.earliest("pk").pk,
    }
    page = visitor.open("/", by=desk.lead)
    found = {}

    for path in PAGES[half::2]:
        page.goto(visitor.address + path.format(**shown))
        if problems := everywhere(page):
            found[path] = problems

    assert found == {}


def test_panel_forms_dialog_and_selection_are_accessible(visitor: Visitor, desk: Desk) -> None:
    page = visitor.open("/exceptions/", by=desk.lead)
    found: dict[str, object] = {}

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    found["panel"] = everywhere(page)
    for key, verb in (("h", "snooze"), ("m", "comment")):
        page.keyboard.press(key)
        expect(page.locator(f"#act-{verb}")).to_have_attribute("open", "")
        found[verb] = faults(page)
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    expect(page.locator("#bar")).to_be_visible()
    found["selection"] = everywhere(page)
    page.keyboard.press("f")
    found["menu"] = faults(page)
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.locator("#dialog")).to_be_visible()
    found["dialog"] = everywhere(page)

    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_a_phone_holds_the_longest_that_is_said(visitor: Visitor, desk: Desk) -> None:
    for number, currency in enumerate(("USD", "GBP", "SEK", "CHF", "PLN", "JPY"), start=10):
        forget_to_activate(f"ORD-{number}", hours=60, total_minor=98_765_432, currency=currency)
    desk.settle()
    case = Case.objects.earliest("pk")
    for number in range(101):
        told = f"Late {number}"
        messages.tell_people(case=case, people=[desk.lead], subject=told, text=told, at=now())
    invariants.take(limit=10, at=now())
    Heartbeat.objects.update(at=now() - timedelta(days=400))

    page = visitor.open("/health/", by=desk.lead, width=320)
    expect(page.locator(".pill", has_text="Not checked since").first).to_be_visible()
    found = {"health": faults(page)}
    for path in ("/teams/", "/metrics/"):
        page.goto(visitor.address + path)
        found[path] = faults(page)
    for path in ("/metrics/", "/exceptions/?f=severity:is:P3", f"/exceptions/{case.pk}/?work=1"):
        page.goto(visitor.address + path)
        for place, menu in enumerate(page.locator("details.menu").all()):
            menu.locator("summary").click()
            expect(menu.locator(".menu__body")).to_be_in_viewport(ratio=0.95)
            found[f"{path}, menu {place}"] = faults(page)
            menu.locator("summary").click()

    assert len(found) == 7  # with the four menus
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_sign_in_page_is_accessible(visitor: Visitor, desk: Desk) -> None:
    page = visitor.open("/", by=desk.lead)

    page.context.clear_cookies()
    page.goto(f"{visitor.address}/sign-in/")

    assert faults(page) == []


def test_axe_would_notice(visitor: Visitor, desk: Desk) -> None:
    page = visitor.open("/settings/", by=desk.lead)

    page.evaluate("document.querySelector('label[for=time_zone]').remove()")

    assert any("label" in fault for fault in faults(page))

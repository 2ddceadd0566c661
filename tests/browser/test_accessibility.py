"""Every page, light and dark, wide and narrow: axe finds nothing serious, nothing runs off."""

from itertools import product

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from exceptions.models import Case
from reconciliation.models import Event
from tests.browser.conftest import Desk, Visitor

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
    "/metrics/",
    "/audit/",
    "/jobs/",
    "/health/",
    "/settings/",
    "/nowhere/",
)
WIDTHS, THEMES = (375, 1440), ("light", "dark")
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
OPTIONS = {"runOnly": RULES, "resultTypes": ["violations"]}


def faults(page: Page) -> list[str]:
    """Name what axe finds serious or worse, and what runs off the side."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("options => axe.run(document, options)", OPTIONS)["violations"]
    serious = [
        f"{each['id']}: {[node['target'] for node in each['nodes']][:3]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]
    root = "document.documentElement"
    if page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"):
        serious.append("the page scrolls sideways")
    return serious


@pytest.mark.parametrize("theme", THEMES)
def test_every_page_is_accessible(visitor: Visitor, desk: Desk, theme: str) -> None:
    shown = {"case": Case.objects.earliest("pk").pk, "event": Event.objects.earliest("pk").pk}
    page = visitor.open("/", by=desk.lead, theme=theme)
    found = {}

    for path, width in product(PAGES, WIDTHS):
        if width == WIDTHS[0]:
            page.goto(visitor.address + path.format(**shown))
        page.set_viewport_size({"width": width, "height": 900})
        if problems := faults(page):
            found[path, width] = problems

    assert found == {}


def test_nothing_is_lost_at_320_pixels(visitor: Visitor, desk: Desk) -> None:
    shown = {"case": Case.objects.earliest("pk").pk, "event": Event.objects.earliest("pk").pk}
    page = visitor.open("/", by=desk.lead, width=320)
    wide = []

    for path in PAGES:
        page.goto(visitor.address + path.format(**shown))
        if page.evaluate("document.documentElement.scrollWidth > 320"):
            wide.append(path)

    assert wide == []


@pytest.mark.parametrize("theme", THEMES)
def test_panel_forms_and_dialog_are_accessible(visitor: Visitor, desk: Desk, theme: str) -> None:
    page = visitor.open("/exceptions/", by=desk.lead, theme=theme)

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("h")
    expect(page.locator("#snooze-for")).to_be_focused()
    with_form = faults(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    with_menu = faults(page)
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.locator("#dialog")).to_be_visible()

    assert (with_form, with_menu, faults(page)) == ([], [], [])


def test_the_sign_in_page_is_accessible(visitor: Visitor, desk: Desk) -> None:
    page = visitor.open("/", by=desk.lead)

    page.context.clear_cookies()
    page.goto(f"{visitor.address}/sign-in/")

    assert faults(page) == []


def test_axe_would_notice(visitor: Visitor, desk: Desk) -> None:
    page = visitor.open("/settings/", by=desk.lead)

    page.evaluate("document.querySelector('label[for=time_zone]').remove()")

    assert any("label" in fault for fault in faults(page))

"""Every page, light and dark, wide and narrow: axe finds nothing serious, nothing runs off."""

import pytest
from axe_playwright_python.sync_playwright import Axe
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
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}


def faults(page: Page) -> list[str]:
    """Name what axe finds serious or worse, and what runs off the side."""
    found = Axe().run(page, options=RULES).response["violations"]
    serious = [
        f"{each['id']}: {[node['target'] for node in each['nodes']][:3]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]
    root = "document.documentElement"
    if page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"):
        serious.append("the page scrolls sideways")
    return serious


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_every_page_is_accessible(visitor: Visitor, desk: Desk, width: int, theme: str) -> None:
    shown = {"case": Case.objects.earliest("pk").pk, "event": Event.objects.earliest("pk").pk}
    page = visitor.open("/", by=desk.lead, width=width, theme=theme)
    found = {}

    for path in PAGES:
        page.goto(visitor.address + path.format(**shown))
        if problems := faults(page):
            found[path] = problems

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
    expect(page.locator("#shortcuts")).to_be_visible()

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

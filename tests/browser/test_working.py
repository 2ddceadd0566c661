"""An operator works through the queue: next, skip with a reason, exit; with keys and without."""

import re

from playwright.sync_api import expect

from exceptions.models import Case, Skip
from tests.browser.conftest import Desk, Visitor


def open_cases() -> list[int]:
    found = Case.objects.filter(closed_at__isnull=True).order_by("resolve_due_at", "pk")
    return list(found.values_list("pk", flat=True))


def test_the_queue_is_worked_with_the_keyboard(visitor: Visitor, desk: Desk) -> None:
    first, second, third = open_cases()
    page = visitor.open("/exceptions/", by=desk.operator)

    page.keyboard.press("w")
    expect(page).to_have_url(re.compile(rf"/exceptions/{first}/\?.*work=1"))
    expect(page.locator("main")).to_contain_text("1 of 3")
    page.keyboard.press("s")
    page.get_by_role("button", name="Too hard").click()
    expect(page).to_have_url(re.compile(rf"/exceptions/{second}/\?"))
    page.keyboard.press("i")
    expect(page.locator("#work-next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/exceptions/{third}/\?"))
    page.keyboard.press("n")

    expect(page.locator(".toast")).to_contain_text("That was the last of this view")
    assert Skip.objects.get().reason == "TOO_HARD"
    assert Case.objects.get(pk=second).owner == desk.operator


def test_the_same_without_script_stays_in_the_view(visitor: Visitor, desk: Desk) -> None:
    first, second, _ = open_cases()
    page = visitor.open("/exceptions/", by=desk.operator, script=False)

    page.get_by_role("link", name="Work the queue").click()
    page.locator("#do-claim").click()
    expect(page).to_have_url(re.compile(rf"/exceptions/{first}/\?.*work=1"))
    page.locator("#work-next").click()

    expect(page).to_have_url(re.compile(rf"/exceptions/{second}/\?"))

"""Many exceptions at once at a real browser: ticks by key, by range, and the whole way."""

from playwright.sync_api import Page, expect

from config.work import KINDS
from exceptions.models import Bulk, Case
from reconciliation import job_runner
from reconciliation.clock import now
from tests.browser.conftest import Desk, Visitor


def ticked(page: Page) -> list[bool]:
    return [box.is_checked() for box in page.locator("#rows input").all()]


def work() -> None:
    while job_runner.take(kinds=KINDS, limit=20, at=now()):
        pass


def test_rows_are_ticked_by_key_by_range_and_all_at_once(visitor: Visitor, desk: Desk) -> None:
    page = visitor.open("/exceptions/", by=desk.operator)
    before = page.locator("#rows").bounding_box()

    page.keyboard.press("j")
    page.keyboard.press("x")
    assert ticked(page) == [True, False, False]
    expect(page.locator("#bar")).to_be_visible()
    assert page.locator("#rows").bounding_box() == before  # nothing moved
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    assert ticked(page) == [True, True, True]
    expect(page.locator("#ticked")).to_have_text("3 selected")
    page.keyboard.press("Escape")
    assert ticked(page) == [False, False, False]
    expect(page.locator("#bar")).not_to_be_visible()
    boxes = page.locator("#rows input")
    boxes.nth(2).click()
    boxes.nth(1).click(modifiers=["Shift"])
    assert ticked(page) == [False, True, True]
    page.check("#tick-page")

    assert ticked(page) == [True, True, True]


def test_many_are_repaired_and_undone_with_the_keyboard(visitor: Visitor, desk: Desk) -> None:
    page = visitor.open("/exceptions/", by=desk.operator)

    page.keyboard.press("j")
    page.keyboard.press("x")
    page.check("#tick-all")
    page.locator("#bar button[value=repair]").press("Enter")
    expect(page.locator("#set")).to_contain_text("3 Activate subscription")
    page.locator("#go").press("Enter")
    expect(page.locator("#course")).to_contain_text("0 of 3")
    work()
    expect(page.locator("#course")).to_contain_text("3 of 3 repaired.")  # the page asks by itself
    desk.settle()
    assert set(Case.objects.values_list("state", flat=True)) == {"SETTLED"}
    page.locator("#undo-all").press("Enter")
    expect(page.locator("h1")).to_contain_text("Undo “Repair”")
    work()
    desk.settle()

    assert [action for _, action in desk.target.effects].count("deactivate_subscription") == 3


def test_the_same_works_without_script(visitor: Visitor, desk: Desk) -> None:
    page = visitor.open("/exceptions/", by=desk.lead, script=False)

    page.locator("#rows input").nth(0).check()
    page.locator("#rows input").nth(2).check()
    page.click("#bar button[value=assign]")
    page.select_option("#bulk-to", "olga")
    page.click("#go")
    work()
    page.reload()
    expect(page.locator("#course")).to_contain_text("2 of 2 assigned.")
    page.click("#undo-all")
    work()

    assert Bulk.objects.filter(undoes__isnull=False).count() == 1
    assert not Case.objects.filter(owner__isnull=False).exists()

"""An operator repairs the worst exception, takes it back, and finds both proved."""

import re

from playwright.sync_api import Page, expect

from exceptions.models import Case, RepairAttempt
from tests.browser.conftest import Desk, Visitor


def worst_case() -> Case:
    return Case.objects.filter(closed_at__isnull=True).order_by("resolve_due_at", "pk")[0]


def find_it_proved(page: Page, *, order: str) -> None:
    """Read the order's timeline and the audit list."""
    page.goto(re.sub(r"(//[^/]+)/.*", rf"\1/orders/{order}/", page.url))
    for words in ("Repair begun", "Undo begun", "Repair undone"):
        expect(page.locator(".timeline")).to_contain_text(words)
    page.goto(re.sub(r"(//[^/]+)/.*", r"\1/audit/", page.url))
    expect(page.locator("main")).to_contain_text("Undo begun: Activate subscription")


def test_the_worst_case_is_repaired_and_undone_with_the_keyboard(
    visitor: Visitor, desk: Desk
) -> None:
    case = worst_case()
    page = visitor.open("/exceptions/", by=desk.operator)

    page.keyboard.press("j")
    expect(page.locator(f"#a{case.pk}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("r")
    expect(page.locator("#run-repair")).to_be_focused()
    page.keyboard.press("r")
    expect(page.locator(".toast")).to_contain_text(
        f"Activate subscription is on its way for {case.order}"
    )
    expect(page.locator("#announce")).to_contain_text("Activate subscription")
    expect(page.locator("#rows tr.is-current")).not_to_have_id(f"case-{case.pk}")

    desk.settle()
    assert Case.objects.get(pk=case.pk).state == "SETTLED"
    page.keyboard.press("z")
    expect(page.locator(".toast").last).to_contain_text("Undo of “Activate subscription” begun")
    desk.settle()

    assert RepairAttempt.objects.get().state == "UNDONE"
    assert [action for _, action in desk.target.effects] == [
        "activate_subscription",
        "deactivate_subscription",
    ]
    find_it_proved(page, order=str(case.order))


def test_the_same_works_without_script(visitor: Visitor, desk: Desk) -> None:
    case = worst_case()
    page = visitor.open("/exceptions/", by=desk.operator, script=False)

    page.click(f"#a{case.pk}")
    page.click("#run-repair")
    expect(page.locator(".toast")).to_contain_text("Activate subscription is on its way")
    desk.settle()
    page.reload()
    page.click(".attempts button")
    expect(page.locator(".toast")).to_contain_text("Undo of “Activate subscription” begun")
    desk.settle()

    assert RepairAttempt.objects.get().state == "UNDONE"
    find_it_proved(page, order=str(case.order))


def test_a_change_meanwhile_is_said_in_the_panel_and_nothing_is_run(
    visitor: Visitor, desk: Desk
) -> None:
    case = worst_case()
    page = visitor.open("/exceptions/", by=desk.operator)
    page.click(f"#a{case.pk}")
    expect(page.locator("#run-repair")).to_be_visible()

    Case.objects.filter(pk=case.pk).update(version=case.version + 1, changed_by="lena")
    page.click("#run-repair")

    expect(page.locator(".panel [role=alert]")).to_contain_text("Lena")
    assert not RepairAttempt.objects.exists()


def test_keys_do_nothing_inside_a_field_and_can_be_turned_off(visitor: Visitor, desk: Desk) -> None:
    page = visitor.open("/exceptions/", by=desk.operator)

    page.click("#q")
    page.keyboard.type("jk?")
    expect(page.locator("#q")).to_have_value("jk?")
    expect(page.locator("#rows tr.is-current")).to_have_count(0)
    page.goto(page.url.split("/exceptions")[0] + "/settings/")
    page.uncheck("input[name=keys]")
    page.click("main button.button--primary")
    page.keyboard.press("?")

    expect(page.locator("#dialog")).not_to_be_visible()


def test_a_lost_connection_is_said_and_the_same_request_can_be_sent_again(
    visitor: Visitor, desk: Desk
) -> None:
    case = worst_case()
    page = visitor.open("/exceptions/", by=desk.operator)
    page.click(f"#a{case.pk}")
    expect(page.locator("#run-repair")).to_be_visible()

    page.route("**/repairs/**", lambda route: route.abort())
    page.click("#run-repair")
    expect(page.locator(".toast")).to_contain_text("That did not reach the server.")
    page.unroute("**/repairs/**")
    page.click(".toast button")

    expect(page.locator(".toast")).to_contain_text("is on its way")
    assert RepairAttempt.objects.count() == 1

"""The queue keeps itself up to date, and nothing that a person looks at or uses moves."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from exceptions import ownership, presence
from exceptions.models import Case
from reconciliation.clock import now
from tests.browser.conftest import Desk, Visitor, forget_to_activate

_SHIFTS = """() => {
  window.shifts = 0;
  const add = (list) => list.getEntries().forEach((entry) => { window.shifts += entry.value; });
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
}"""
_ASK = """() => {
  const live = document.querySelector("#live");
  const how = { source: live, target: live, swap: "outerHTML" };
  htmx.ajax("GET", live.getAttribute("hx-get"), how).catch(() => {});
}"""


def open_cases() -> list[Case]:
    return list(Case.objects.filter(closed_at__isnull=True).order_by("resolve_due_at", "pk"))


def ask(page: Page) -> None:
    """Let the list ask now what it would ask within ten seconds."""
    with page.expect_response("**/exceptions/changes/**"):
        page.evaluate(_ASK)


def test_twenty_rows_change_where_they_stand_and_keep_focus_ticks_caret_and_order(
    visitor: Visitor, desk: Desk
) -> None:
    for number in range(10, 27):
        forget_to_activate(f"ORD-{number}", hours=number, total_minor=1_000 * number)
    desk.settle()
    cases = open_cases()
    page = visitor.open("/exceptions/", by=desk.operator)
    page.evaluate(_SHIFTS)
    boxes = page.locator("#rows input")
    page.locator("#q").evaluate("box => { box.value = 'ORD'; box.focus(); box.selectionEnd = 2; }")
    before = page.locator("#rows tr").evaluate_all("rows => rows.map((row) => row.id)")

    for each in cases:
        ownership.claim(case_id=each.pk, by=desk.lead, at=now())
    ask(page)

    expect(page.locator("#rows .owner", has_text="Lena")).to_have_count(20)
    expect(page.locator("#q")).to_be_focused()
    assert page.locator("#q").evaluate("box => box.selectionEnd") == 2
    for place in (2, 5):
        boxes.nth(place).check()
    for each in cases[:3]:
        ownership.escalate(case_id=each.pk, reason="now", by=desk.lead, at=now())
    ask(page)
    assert [place for place in range(20) if boxes.nth(place).is_checked()] == [2, 5]
    assert page.locator("#rows tr").evaluate_all("rows => rows.map((row) => row.id)") == before
    assert page.evaluate("window.shifts") <= 0.01

    page.locator(f"#a{cases[12].pk}").focus()
    ownership.snooze(case_id=cases[12].pk, by=desk.lead, at=now(), until=now() + timedelta(hours=1))
    ask(page)
    expect(page.locator(f"#a{cases[12].pk}")).to_be_focused()


def test_new_ones_are_offered_and_come_when_asked_for(visitor: Visitor, desk: Desk) -> None:
    page = visitor.open("/exceptions/", by=desk.operator)
    rows = page.locator("#rows tr")
    expect(rows).to_have_count(3)

    forget_to_activate("ORD-9", hours=40, total_minor=900)
    desk.settle()
    ask(page)

    expect(page.locator("#newer")).to_contain_text("1 new")
    expect(rows).to_have_count(3)
    page.keyboard.press(".")
    expect(rows).to_have_count(4)


def test_a_colleague_who_looks_is_seen_in_the_row_and_in_the_panel(
    visitor: Visitor, desk: Desk
) -> None:
    case = open_cases()[0]
    page = visitor.open("/exceptions/", by=desk.operator)

    presence.look(case_id=case.pk, user=desk.lead, at=now())
    ask(page)
    expect(page.locator(f"#case-{case.pk} .owner")).to_contain_text("Lena looking")
    page.locator(f"#a{case.pk}").click()

    expect(page.locator("#watchers")).to_contain_text("Lena is looking at this too")


def test_when_the_server_does_not_answer_the_page_says_so_and_recovers(
    visitor: Visitor, desk: Desk
) -> None:
    page = visitor.open("/exceptions/", by=desk.operator)

    page.route("**/exceptions/changes/**", lambda route: route.abort())
    page.evaluate(_ASK)
    expect(page.locator("#live")).to_contain_text("Live updates paused")
    page.unroute("**/exceptions/changes/**")
    ask(page)

    expect(page.locator("#live span").nth(1)).to_be_hidden()

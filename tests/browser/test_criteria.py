"""What the brief of the pages asks of a browser, where no other test here already asks it.

Where each of its 30 criteria is held:

 1 axe, light and dark, wide and narrow, panel, forms, selection, dialog: test_accessibility
 2 keyboard only: test_repair, test_bulk, and here
 3 without a script: test_repair, test_bulk, test_working, test_correct, and here
 4 strict policy on every answer: pages/test_states; nothing broke it: the fixture `visitor`
 5 no style, handler or filter that the policy blocks: pages/test_templates
 6 twenty rows change, nothing moves: test_live
 7 no layout shift: test_live, and here for repairs
 8 new rows only when asked for: test_live
 9 bulk touches exactly its filter, and asks again: exceptions/test_bulk, pages/test_bulk
10 one key, one write: exceptions/test_repair, exceptions/test_writeback, pages/test_desk
11 a stale version is told who and what: exceptions/test_ownership, pages/test_desk
12 a refusal keeps the row and takes the focus: here
13 undo of all, and why not afterwards: exceptions/test_bulk, exceptions/test_repair
14 failures are listed, retry tries only those: exceptions/test_bulk
15 focus on the next row, scroll still: here
16 keys: test_repair (in fields, turned off), pages/test_templates (all listed)
17 375 pixels, targets: test_accessibility, and here for fingers
18 320 pixels: test_accessibility
19 first load: pages/test_desk; script and styles: pages/test_templates
20 a million exceptions: benchmark `queue`
21 opening the panel: benchmark `panel`, and `queue` for the server; one request: here
22 every number is the length of its list: pages/test_metrics
23 a word and a shape for every state, forced colours: here
24 backtest and live agree, 25 rollback: with the rules
26 every state of every page: pages/test_states
27 back, forward, reload, a second tab: here
28 no motion where none is wanted, print: here
29 contrast: pages/test_contrast
30 icons and spoken messages: pages/test_templates
"""

import re
from datetime import timedelta

from playwright.sync_api import Page, expect

from config.work import KINDS
from exceptions.models import Attachment, Case
from reconciliation import job_runner
from reconciliation.clock import now
from tests.browser.conftest import Desk, Visitor, forget_to_activate

_WATCH = """() => {
  window.shifts = 0; window.clicks = 0;
  const add = (list) => list.getEntries().forEach((entry) => { window.shifts += entry.value; });
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
  document.addEventListener("pointerdown", () => { window.clicks += 1; }, true);
}"""
_SMALL = """(least) => [...document.querySelectorAll(
  "main button, main summary, main select, main input:not([type=hidden]), .tabs a, .button, .rail a"
)].filter((each) => each.checkVisibility() && !each.closest("table, [hidden]"))
  .map((each) => [each, (each.closest("label") || each).getBoundingClientRect()])
  .filter(([, box]) => box.height > 4 && box.height < least - 0.5)
  .map(([each, box]) => `${each.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)"""


def queue_of(page: Page) -> list[str]:
    ids: list[str] = page.locator("#rows tr").evaluate_all("rows => rows.map((row) => row.id)")
    return ids


def test_a_day_at_the_desk_needs_no_mouse_and_moves_nothing(visitor: Visitor, desk: Desk) -> None:
    for number in range(10, 22):
        forget_to_activate(f"ORD-{number}", hours=number, total_minor=1_000 * number)
    desk.settle()
    page = visitor.open("/exceptions/", by=desk.lead)
    page.evaluate(_WATCH)
    rows = queue_of(page)

    for _ in range(3):
        page.keyboard.press("j")
    before = page.evaluate("window.scrollY")
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    expect(page.locator("#panel")).to_contain_text("Sources")
    page.evaluate("window.shifts = 0")
    page.keyboard.press("r")
    expect(page.locator("#run-repair")).to_be_focused()
    page.keyboard.press("r")
    expect(page.locator(".toast")).to_contain_text("is on its way")
    expect(page.locator(f"#{rows[3]} .what a")).to_be_focused()
    assert abs(page.evaluate("window.scrollY") - before) < 40  # less than a row
    assert page.evaluate("window.shifts") <= 0.01
    with page.expect_response("**/undo/"):
        page.keyboard.press("z")
    assert page.evaluate("window.clicks") == 0


def test_many_are_assigned_without_a_mouse(visitor: Visitor, desk: Desk) -> None:
    page = visitor.open("/exceptions/", by=desk.lead)

    page.keyboard.press("j")
    page.keyboard.press("x")
    page.locator("#bar button[value=assign]").focus()
    page.keyboard.press("Enter")
    page.locator("#bulk-to").focus()
    page.keyboard.type("Olga")
    page.locator("#go").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#course")).to_contain_text("0 of 1")
    while job_runner.take(kinds=KINDS, limit=20, at=now()):
        pass

    assert Case.objects.filter(owner=desk.operator).count() == 1


def test_a_refusal_stays_in_its_slot_takes_the_focus_and_is_announced(
    visitor: Visitor, desk: Desk
) -> None:
    page = visitor.open("/exceptions/", by=desk.operator)
    rows = queue_of(page)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("h")

    page.fill("#snooze-until", f"{now() - timedelta(days=1):%Y-%m-%dT%H:%M}")
    page.keyboard.press("Control+Enter")

    slot = page.locator(".panel__problem [role=alert]")
    expect(slot).to_contain_text("Enter a moment after now.")
    expect(slot).to_be_focused()
    expect(page.locator("#announce")).to_contain_text("Enter a moment after now.")
    assert queue_of(page) == rows
    assert page.locator("#snooze-until").input_value()  # what was typed is there

    page.evaluate("document.querySelector('#act-comment').open = true")
    page.fill("#comment-text", "See @lena")
    page.set_input_files("#comment-files", {"name": "a.svg", "mimeType": "", "buffer": b"<svg>"})
    page.keyboard.press("Control+Enter")
    expect(slot).to_contain_text("a.svg is of a kind that is not taken")
    assert page.locator("#comment-text").input_value() == "See @lena"
    page.set_input_files("#comment-files", {"name": "a.txt", "mimeType": "", "buffer": b"x"})
    page.click("#do-comment")
    expect(page.locator(".toast")).to_contain_text("Told Lena.")
    expect(page.locator("#panel .timeline")).to_contain_text("a.txt")


def test_back_forward_reload_and_a_second_tab_give_the_whole_page(
    visitor: Visitor, desk: Desk
) -> None:
    first, second, _ = Case.objects.order_by("resolve_due_at", "pk")
    page = visitor.open("/exceptions/", by=desk.operator)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    places = []

    page.click(f"#a{first.pk}")
    expect(page.locator("#panel-title")).to_be_visible()
    assert len([url for url in asked if re.search(r"/exceptions/\d+/$", url)]) == 1
    places.append(page.url)
    page.click(f"#a{second.pk}")
    expect(page.locator(f"#panel[data-case='{second.pk}']")).to_be_visible()
    places.append(page.url)
    page.keyboard.press("Escape")  # closes the panel, and is a place of its own
    expect(page.locator("section#panel")).to_have_count(0)
    page.click(".tabs a:nth-child(2)")
    expect(page.locator(".tabs a:nth-child(2)")).to_have_attribute("aria-current", re.compile("."))
    places.append(page.url)

    def is_whole() -> None:
        expect(page.locator(".rail")).to_be_visible()
        expect(page.locator("h1")).to_have_count(1)

    for move in (page.go_back, page.go_back, page.go_forward, page.reload):
        page.evaluate("() => { document.documentElement.dataset.left = 'yes'; }")
        move(wait_until="commit")
        expect(page.locator("html[data-ready]:not([data-left])")).to_have_count(1)
        is_whole()
    expect(page.locator("#rows tr")).to_have_count(3)  # forward again: the closed panel's list
    for place in places:
        page.goto(place)
        is_whole()


def test_fingers_forced_colours_print_and_no_motion(visitor: Visitor, desk: Desk) -> None:
    case = Case.objects.earliest("pk").pk
    page = visitor.open("/exceptions/", by=desk.lead, width=375, is_touch=True)
    small = {}

    for path in (
        "/exceptions/",
        f"/exceptions/{case}/",
        "/inbox/",
        "/teams/",
        "/who/",
        "/notifications/",
    ):
        page.goto(visitor.address + path)
        if found := page.evaluate(_SMALL, 44):
            small[path] = found
    assert small == {}
    page.goto(f"{visitor.address}/exceptions/")
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    for pill in page.locator("#rows .sla .pill").all():
        assert re.search(r"left|over|Paused|No SLA", pill.inner_text())
        expect(pill.locator("svg")).to_be_visible()
    moving = "(() => [...document.querySelectorAll('*')].filter((each) => { const style = \
getComputedStyle(each); return style.animationName !== 'none' || \
parseFloat(style.transitionDuration) > 0; }).length)()"
    assert page.evaluate(moving) == 0
    page.goto(f"{visitor.address}/metrics/")
    page.emulate_media(media="print")

    for chrome in page.locator(".rail, .page-head__actions, .skip").all():
        expect(chrome).to_be_hidden()
    card = page.locator(".card").first
    assert card.evaluate("each => getComputedStyle(each).breakInside") == "avoid"


def test_every_way_to_work_a_case_needs_no_script(visitor: Visitor, desk: Desk) -> None:
    case = Case.objects.earliest("pk")
    page = visitor.open(f"/exceptions/{case.pk}/", by=desk.lead, script=False)

    page.click("#act-comment summary")
    page.fill("#comment-text", "See it, @olga")
    page.set_input_files(
        "#comment-files", {"name": "a.txt", "mimeType": "text/html", "buffer": b"<b>"}
    )
    page.click("#do-comment")
    expect(page.locator(".toast")).to_contain_text("Told Olga.")
    expect(page.locator(".timeline")).to_contain_text("a.txt")
    with page.expect_download() as taken:
        page.click(".timeline a[download]")
    assert taken.value.suggested_filename == "a.txt"
    page.click("#act-escalate summary")
    page.fill("#escalate-reason", "VIP")
    page.click("#do-escalate")
    expect(page.locator(".toast")).to_contain_text("Escalated.")
    page.click("#act-handoff summary")
    page.select_option("#handoff-team", "revenue-ops")
    page.fill("#handoff-reason", "theirs")
    page.click("#do-handoff")
    page.click("#do-withdraw")
    page.click("#act-snooze summary")
    page.click("#do-snooze")
    expect(page.locator(".toast")).to_contain_text("Snoozed.")

    assert Attachment.objects.get().kind.startswith("text/plain")
    assert Case.objects.get(pk=case.pk).state == "WAITING"

"""The exception pages: what they show, what they refuse, and how they say it."""

import gzip
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import find as find_static
from django.test import Client
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from config.install import install
from exceptions.models import Case, RepairAttempt, SavedView
from reconciliation.clock import now
from tests.pages.conftest import find, forget_to_activate
from tests.pages.people import clients

PANEL = {"HX-Request": "true", "HX-Target": "panel", "HX-Current-URL": "http://x/exceptions/"}
KIND = "activate_subscription"


def body(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.content.decode()


def form_of(client: Client, case: Case) -> dict[str, str]:
    """Read the hidden fields of the repair's form as the page shows them."""
    page = body(client, f"/exceptions/{case.pk}/repairs/{KIND}/")
    fields = ("version", "plan_sha256", "idempotency_key")
    found = {name: re.search(rf'name="{name}" value="([^"]+)"', page) for name in fields}
    return {name: match[1] for name, match in found.items() if match}


def test_the_queue_shows_money_time_and_the_repair_by_its_name(operator: Client) -> None:
    page = body(operator, "/exceptions/")

    assert "2 open" in page
    assert "Invoice sent, subscription off" in page
    assert "€100.00" in page
    assert "Activate subscription</a>" in page


def test_a_saved_view_shows_its_filters_as_sentences(operator: Client) -> None:
    page = body(operator, "/exceptions/?view=mine")

    assert "Owner is me" in page
    assert "Queue clear" in page


def test_a_filter_from_the_form_becomes_an_address(operator: Client) -> None:
    asked = {"view": "mine", "field": "severity", "operator": "is", "value": "P1"}

    answer = operator.get("/exceptions/", asked)

    assert answer["Location"] == "/exceptions/?view=mine&f=severity%3Ais%3AP1"


def test_a_filter_without_a_meaning_is_said_and_left_out(operator: Client) -> None:
    page = body(operator, "/exceptions/?f=colour:is:red&f=severity:is:P1", status=422)

    assert "There is no field" in page
    assert "Priority is P1" in page


def test_no_match_says_how_much_is_hidden(operator: Client) -> None:
    page = body(operator, "/exceptions/?f=severity:is:P1&f=currency:is:USD")

    assert "No exception matches these filters" in page
    assert "2 filters are on. 2 open exceptions are hidden." in page


def test_a_place_that_we_did_not_give_out_is_a_bad_request(operator: Client) -> None:
    assert operator.get("/exceptions/?after=made-up").status_code == 400


def test_the_first_load_of_a_full_queue_is_small(people: dict[str, Client], desk: datetime) -> None:
    for number in range(50):
        forget_to_activate(f"SO-1000{number}", at=desk - timedelta(hours=9))
    find()

    page = body(people["Admin"], "/exceptions/")  # who sees every link of the rail

    loaded = re.findall(r'<(?:link rel="(?:icon|stylesheet)" href|script src)="([^"]+)"', page)
    answers = [page.encode(), *(static(address) for address in loaded)]
    assert page.count("<tr id=") == 50
    assert len(answers) <= 8
    assert sum(map(len, answers)) <= 150_000
    assert sum(len(gzip.compress(answer)) for answer in answers) <= 60_000


def static(address: str) -> bytes:
    found = find_static(address.removeprefix("/static/"))
    assert found is not None, address
    return Path(found).read_bytes()


@pytest.mark.parametrize("role", ["Operator", "Team lead", "Admin"])
def test_the_whole_page_asks_the_database_twelve_times_at_most(
    people: dict[str, Client], role: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    people[role].get("/exceptions/")  # counts of the rail are kept for some seconds

    with django_assert_max_num_queries(12):
        people[role].get("/exceptions/")


def test_older_rows_follow_without_a_gap(operator: Client, desk: datetime) -> None:
    for number in range(60):
        forget_to_activate(f"M-{number}", at=desk - timedelta(hours=9))
    find()
    first = body(operator, "/exceptions/")
    older = re.search(r'href="([^"]+)" rel="next"', first)
    assert older
    second = body(operator, older[1].replace("&amp;", "&"))

    ids = re.findall(r'id="case-(\d+)"', first + second)
    assert len(ids) == len(set(ids)) == 62


def test_the_panel_is_the_same_case_without_the_page_round_it(
    operator: Client, a_case: Case
) -> None:
    piece = operator.get(f"/exceptions/{a_case.pk}/", headers=PANEL).content.decode()

    assert piece.lstrip().startswith("<section")
    assert 'id="panel"' in piece
    assert "<html" not in piece


def test_a_restored_history_entry_gets_the_whole_page(operator: Client, a_case: Case) -> None:
    headers = {**PANEL, "HX-History-Restore-Request": "true"}

    assert "<html" in operator.get(f"/exceptions/{a_case.pk}/", headers=headers).content.decode()


def test_without_script_a_repair_leads_back_to_the_case(operator: Client, a_case: Case) -> None:
    url = f"/exceptions/{a_case.pk}/repairs/{KIND}/"

    answer = operator.post(url, form_of(operator, a_case))
    page = body(operator, answer["Location"])

    assert answer.status_code == 303
    assert f"Activate subscription is on its way for {a_case.order}." in page
    assert f'action="/repairs/{RepairAttempt.objects.get().pk}/undo/"' in page


def test_the_same_form_twice_runs_once(operator: Client, a_case: Case) -> None:
    form = form_of(operator, a_case)

    for _ in range(2):
        operator.post(f"/exceptions/{a_case.pk}/repairs/{KIND}/", form)

    assert RepairAttempt.objects.count() == 1


def test_a_repair_and_its_undo_go_on_at_once_and_not_before_they_are_stored(
    operator: Client,
    a_case: Case,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    form, nudged = form_of(operator, a_case), list[tuple[str, ...]]()
    monkeypatch.setattr("reconciliation.nudge.nudge", lambda *stages: nudged.append(stages))

    for address in (f"/exceptions/{a_case.pk}/repairs/{KIND}/", "/repairs/{}/undo/"):
        with django_capture_on_commit_callbacks(execute=True):
            operator.post(address.format(*RepairAttempt.objects.values_list("pk", flat=True)), form)
            before = len(nudged)
        assert nudged[before:] == [("writeback", "apply")]


def test_with_script_a_repair_answers_the_panel_its_row_and_the_spoken_line(
    operator: Client, a_case: Case
) -> None:
    form = form_of(operator, a_case)

    answer = operator.post(f"/exceptions/{a_case.pk}/repairs/{KIND}/", form, headers=PANEL)

    page = answer.content.decode()
    assert f'id="case-{a_case.pk}"' in page
    assert 'id="announce" hx-swap-oob="innerHTML"' in page
    assert "worked" in answer["HX-Trigger-After-Settle"]


def test_a_plan_that_is_not_the_one_shown_is_not_run(operator: Client, a_case: Case) -> None:
    form = {**form_of(operator, a_case), "plan_sha256": "0" * 64}

    answer = operator.post(f"/exceptions/{a_case.pk}/repairs/{KIND}/", form)

    assert answer.status_code == 409
    assert "nothing was done" in answer.content.decode()
    assert not RepairAttempt.objects.exists()


@pytest.mark.parametrize("headers", [{}, PANEL], ids=["page", "panel"])
def test_a_case_that_someone_changed_meanwhile_is_a_conflict(
    headers: dict[str, str], lead: Client, operator: Client, a_case: Case
) -> None:
    lead.post(f"/exceptions/{a_case.pk}/snooze/", {"for": "1h"})

    answer = operator.post(
        f"/exceptions/{a_case.pk}/escalate/",
        {"reason": "urgent", "version": a_case.version},
        headers=headers,
    )

    assert answer.status_code == 409
    assert "Team lead snoozed it until" in answer.content.decode()
    assert answer.headers.get("HX-Retarget") == (f"#problem-{a_case.pk}" if headers else None)


@pytest.mark.parametrize(
    ("verb", "sent", "said"),
    [
        ("snooze", {"until": "2020-01-01T09:00"}, "Enter a moment after now."),
        ("snooze", {}, "Choose how long, or enter a moment."),
        ("escalate", {"reason": ""}, "Say why, in a few words."),
        ("comment", {"text": " "}, "Write something first."),
        ("assign", {"to": "nobody.here"}, "Choose a person from the list."),
    ],
)
def test_what_is_missing_is_said_in_the_case_and_nothing_changes(
    verb: str, sent: dict[str, str], said: str, lead: Client, a_case: Case
) -> None:
    answer = lead.post(f"/exceptions/{a_case.pk}/{verb}/", sent)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert Case.objects.get(pk=a_case.pk).version == a_case.version


def test_a_moment_is_read_in_the_zone_of_whoever_typed_it(operator: Client, a_case: Case) -> None:
    operator.post("/settings/", {"time_zone": "Europe/Berlin"})

    operator.post(f"/exceptions/{a_case.pk}/snooze/", {"until": "2030-07-01T09:00"})

    until = Case.objects.get(pk=a_case.pk).snoozed_until
    assert until is not None
    assert until.isoformat() == "2030-07-01T07:00:00+00:00"


def test_what_is_typed_is_shown_as_text(operator: Client, a_case: Case) -> None:
    operator.post(f"/exceptions/{a_case.pk}/comment/", {"text": "<script>alert(1)</script>"})

    for address in (f"/exceptions/{a_case.pk}/", f"/orders/{a_case.order}/?kind=comment"):
        page = body(operator, address)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_a_view_of_ones_own_is_saved_used_and_deleted(operator: Client) -> None:
    saved = operator.post("/views/", {"name": "Big ones", "f": "at_risk_minor:at_least:5000"})
    page = body(operator, saved["Location"])
    slug = SavedView.objects.get(name="Big ones").slug
    operator.post(f"/views/{slug}/delete/")

    assert "Amount at risk is at least 50.00" in page
    assert not SavedView.objects.filter(slug=slug).exists()


def test_a_view_keeps_how_the_list_was_arranged_and_its_address_may_say_else(
    operator: Client,
) -> None:
    form = {"arrange": "1", "sort": "money", "cols": ["none", "route", "currency"], "density": ""}
    arranged = operator.get("/exceptions/", form)["Location"]
    page = body(operator, arranged)
    saved = operator.post(
        "/views/",
        {"name": "By money", "f": "", "sort": "money", "cols": "route", "density": "compact"},
    )
    kept = body(operator, saved["Location"])
    other = body(operator, f"{saved['Location']}&sort=newest&cols=none")

    assert arranged == "/exceptions/?sort=money&cols=route%2Ccurrency"
    assert '<th scope="col" class="wide">Routed by</th>' in page
    assert "Save view" in page
    assert 'data-density="compact">' in kept
    assert "largest amount first" in kept
    assert "newest first" in other
    assert "Routed by" not in other
    assert "Edited" in other


def test_nobody_deletes_the_view_of_another(operator: Client, lead: Client) -> None:
    operator.post("/views/", {"name": "Mine alone", "f": "severity:is:P1"})
    slug = SavedView.objects.get(name="Mine alone").slug

    assert lead.post(f"/views/{slug}/delete/").status_code == 404


def test_a_lead_shares_a_view_with_the_team_and_only_a_lead_changes_it(
    operator: Client, lead: Client
) -> None:
    form = {"name": "Ours", "f": "severity:is:P1", "scope": "customer-ops"}

    assert operator.post("/views/", form).status_code == 403
    lead.post("/views/", form)
    again = body(lead, lead.post("/views/", form)["Location"])
    slug = SavedView.objects.get(name="Ours").slug
    seen = body(operator, f"/exceptions/?view={slug}")
    verdicts = [
        operator.post(f"/views/{slug}/{verb}/").status_code for verb in ("change", "delete")
    ]
    lead.post(f"/views/{slug}/change/", {"name": "Our P1 and P2", "f": "severity:is_any_of:P1,P2"})

    assert "There is a shared view Ours already. Nothing was saved." in again
    assert "Priority is P1" in seen
    assert "Delete view" not in seen
    assert verdicts == [403, 403]
    assert "Our P1 and P2" in body(operator, f"/exceptions/?view={slug}")
    assert "Delete view" in body(lead, f"/exceptions/?view={slug}")


def test_an_admin_shares_with_a_team_that_they_are_not_in_and_takes_it_back(
    people: dict[str, Client], operator: Client
) -> None:
    admin, form = people["Admin"], {"name": "Theirs", "f": "severity:is:P1"}

    shown = body(admin, admin.post("/views/", {**form, "scope": "customer-ops"})["Location"])
    slug = SavedView.objects.get(name="Theirs").slug
    seen = body(operator, f"/exceptions/?view={slug}")
    admin.post(f"/views/{slug}/delete/")

    assert "Priority is P1" in shown
    assert "Theirs" in seen
    assert not SavedView.objects.filter(slug=slug).exists()


def test_ones_own_view_is_not_replaced_by_one_of_another_name(operator: Client) -> None:
    operator.post("/views/", {"name": "Big ones", "f": "severity:is:P1"})

    answer = operator.post("/views/", {"name": "Big ones!", "f": "severity:is:P2"})

    assert "too like that of Big ones" in body(operator, answer["Location"])
    assert SavedView.objects.get(name="Big ones").filters[0]["value"] == "P1"


def test_an_edited_view_offers_to_save_save_as_and_reset(operator: Client) -> None:
    operator.post("/views/", {"name": "Urgent", "f": "severity:is:P1"})
    slug = SavedView.objects.get(name="Urgent").slug

    own = body(operator, f"/exceptions/?view={slug}&f=severity:is:P2")
    shipped = body(operator, "/exceptions/?view=mine&f=severity:is:P2")
    operator.post(f"/views/{slug}/change/", {"f": "severity:is:P2"})

    assert all(words in own for words in ("Edited", ">Save</button>", "Save as", "Reset"))
    assert ">Save</button>" not in shipped
    assert SavedView.objects.get(slug=slug).filters[0]["value"] == "P2"


@pytest.mark.django_db
def test_an_empty_product_says_how_to_begin() -> None:
    install(at=now())

    page = body(clients()["Admin"], "/exceptions/")

    assert "No sources connected yet" in page
    assert "Send a test event" in page


def test_a_plan_that_changed_is_answered_with_what_was_said_since(
    operator: Client, a_case: Case
) -> None:
    url = f"/exceptions/{a_case.pk}/repairs/{KIND}/"

    answer = operator.post(url, {**form_of(operator, a_case), "plan_sha256": "0" * 64})

    assert answer.status_code == 409
    said = r"The order changed meanwhile: \w+ said invoice.issued at \d\d:\d\d"
    assert re.search(said, answer.content.decode())
    assert not RepairAttempt.objects.exists()


def test_a_merged_case_refuses_with_the_way_to_the_one_that_goes_on(
    operator: Client, a_case: Case
) -> None:
    other = Case.objects.exclude(pk=a_case.pk).get()
    Case.objects.filter(pk=a_case.pk).update(merged_into=other)

    answer = operator.post(f"/exceptions/{a_case.pk}/claim/", headers=PANEL)
    page = body(operator, f"/exceptions/{a_case.pk}/")

    assert answer.status_code == 409
    assert (
        f'<a class="button button--small" href="/exceptions/{other.pk}/">Open #{other.pk}</a>'
        in (answer.content.decode())
    )
    assert 'id="do-claim"' not in page
    assert 'id="do-separate"' in page

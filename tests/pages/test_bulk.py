"""The pages of work on many exceptions: choose, see, confirm, follow, take back."""

import re
from datetime import timedelta

from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from config.work import KINDS
from exceptions.models import Bulk, Case
from reconciliation import job_runner
from reconciliation.clock import now
from tests.pages.conftest import find, forget_to_activate

BULK = "/exceptions/bulk/"


def page_of(client: Client, answer_to: str) -> str:
    return client.get(answer_to).content.decode()


def choose(client: Client, verb: str, *cases: Case, **more: str) -> tuple[str, str]:
    """Send the queue's form; gives where it leads and what stands there."""
    sent = {"verb": verb, "case": [str(case.pk) for case in cases], **more}
    answer = client.post(BULK, sent)
    assert answer.status_code == 303
    return answer["Location"], page_of(client, answer["Location"])


def digest(page: str) -> str:
    found = re.search(r'name="digest" value="(\w+)"', page)
    assert found
    return found[1]


def work() -> None:
    while job_runner.take(kinds=KINDS, limit=20, at=now()):
        pass


def test_the_queue_counts_what_all_in_this_view_means(operator: Client) -> None:
    page = page_of(operator, "/exceptions/?q=O-1")

    assert "All 1 in this view" in page
    assert '<input type="hidden" name="q" value="O-1">' in page


def test_who_works_no_exceptions_sees_no_ticks(people: dict[str, Client]) -> None:
    assert 'name="case"' not in page_of(people["Auditor"], "/exceptions/")


def test_before_anything_is_done_it_says_what_will_be(operator: Client, a_case: Case) -> None:
    address, page = choose(operator, "repair", *Case.objects.all())

    assert "<strong>2</strong> Activate subscription" in page
    assert "€200.00 at risk" in page
    assert page.count('<li class="note">') == 2
    assert address == f"{BULK}{Bulk.objects.get().pk}/"
    assert Case.objects.filter(state="NEW").count() == 2


def test_from_the_tick_to_the_way_back_without_script(operator: Client) -> None:
    address, page = choose(operator, "snooze", *Case.objects.all())
    sent = {"digest": digest(page), "for": "4h", "reason": "waits"}

    assert operator.post(f"{address}run/", sent)["Location"] == address
    assert "Stop" in page_of(operator, address)
    work()
    page = page_of(operator, address)
    assert "2 of 2 snoozed." in page
    undone = operator.post(f"{address}undo/")["Location"]
    work()

    assert "2 of 2 undone." in page_of(operator, undone)
    assert "2 undone again" in page_of(operator, address)
    assert set(Case.objects.values_list("state", flat=True)) == {"NEW"}


def test_a_view_that_grew_since_is_asked_about_and_what_was_typed_is_kept(
    operator: Client,
) -> None:
    address, page = choose(operator, "dismiss", all="1")
    forget_to_activate("O-9", at=now() - timedelta(hours=30))
    find()

    answer = operator.post(f"{address}run/", {"digest": digest(page), "reason": "known"})

    assert answer.status_code == 409
    said = answer.content.decode()
    assert "1 new, 0 gone" in said
    assert "Continue with the 2 you saw" in said
    assert '<input type="hidden" name="reason" value="known">' in said


def test_what_is_missing_is_said_and_nothing_is_done(operator: Client) -> None:
    address, page = choose(operator, "dismiss", *Case.objects.all())

    answer = operator.post(f"{address}run/", {"digest": digest(page)})

    assert answer.status_code == 422
    assert "Say why they are fine as they are. Nothing changed." in answer.content.decode()
    assert Bulk.objects.get().state == "DRAFT"


def test_nothing_ticked_leads_back_to_where_one_was(operator: Client) -> None:
    answer = operator.post(BULK, {"verb": "snooze", "q": "O-1"})

    assert answer["Location"] == "/exceptions/?q=O-1&f="
    assert "No exception is ticked" in page_of(operator, answer["Location"])


def test_a_large_one_is_agreed_to_by_another_lead(
    operator: Client, lead: Client, settings: Settings
) -> None:
    settings.BULK_ALONE_ITEMS = 1
    address, page = choose(operator, "snooze", *Case.objects.all())
    assert "2 exceptions: more than 1 need a second person." in page

    operator.post(f"{address}run/", {"digest": digest(page), "for": "4h"})
    assert "Waits for a second person" in page_of(lead, BULK)
    assert "Needs Team lead" in page_of(operator, address)
    lead.post(f"{address}approve/")
    work()

    assert "2 of 2 snoozed." in page_of(operator, address)
    assert "Agreed to by" in page_of(operator, address)


def test_the_results_come_as_csv(operator: Client) -> None:
    address, page = choose(operator, "assign", *Case.objects.all())
    operator.post(f"{address}run/", {"digest": digest(page), "to": "operator"})
    work()

    lines = page_of(operator, f"{address}report.csv").splitlines()

    assert lines[0] == "exception,order,what,at_risk_minor,currency,outcome,why,at"
    assert len(lines) == 3
    assert ",Done," in lines[1]
    assert Case.objects.filter(owner=User.objects.get(username="operator")).count() == 2


def test_cases_of_one_cause_are_one_item_that_is_worked_as_one(
    operator: Client, a_case: Case
) -> None:
    Case.objects.update(cause="amount:paid_vs_invoiced:EUR:-30")
    page = page_of(operator, "/exceptions/?grouped=1")
    assert ", each €0.30 less</a>" in page
    assert f'id="case-{a_case.pk}"' not in page

    group = "group:is:amount:paid_vs_invoiced:EUR:-30"
    _, page = choose(operator, "repair", all="1", f=group)

    assert "<strong>2</strong> Activate subscription" in page
    assert Bulk.objects.get().items.count() == 2
    assert "Group is" in page_of(operator, f"/exceptions/?f={group}")


def test_a_team_and_a_reason_are_asked_for_before_many_are_handed_over(operator: Client) -> None:
    address, page = choose(operator, "handoff", *Case.objects.all())
    sent = {"digest": digest(page), "reason": "theirs"}

    unsaid = operator.post(f"{address}run/", sent)
    operator.post(f"{address}run/", {**sent, "team": "revenue-ops"})
    work()

    assert '<option value="revenue-ops">Revenue ops</option>' in page
    assert unsaid.status_code == 422
    assert "Choose a team, and say why it should go there." in unsaid.content.decode()
    assert "2 of 2 handed over." in page_of(operator, address)

"""The command menu: whatever has a name is found by it, and only what this person may open."""

import re

from django.test import Client

from exceptions.models import Case
from reconciliation.models import Event, Team
from tests.exceptions.people import case

PIECE = {"HX-Request": "true", "HX-Target": "go-found", "HX-Current-URL": "http://x/orders/"}


def menu(client: Client, asked: str = "", *, of: Case | None = None) -> dict[str, str]:
    """Give what is offered, by name."""
    given = {"q": asked, "case": str(of.pk) if of else ""}
    page = client.get("/go/", given, headers=PIECE).content.decode()
    links = re.findall(r'<a class="go__hit" href="([^"]+)"[^>]*>(.*?)(?: <span>|</a>)', page)
    buttons = re.findall(
        r'action="([^"]+)".*?<button[^>]*>(.*?)(?: <span>|</button>)', page, re.DOTALL
    )
    return {name: href for href, name in links + buttons}


def test_anything_is_found_by_any_id(operator: Client, a_case: Case) -> None:
    order = str(a_case.order)
    event = Event.objects.get(type__startswith="invoice.", order=a_case.order)
    exception = f"/exceptions/{a_case.pk}/"

    by_order, by_number = menu(operator, order), menu(operator, f"#{a_case.pk}")
    by_event, by_invoice = menu(operator, event.event_id), menu(operator, f"I-{order}")

    assert by_order[f"Order {order}"] == f"/orders/{order}/"
    assert exception in by_order.values()
    assert exception in by_number.values()
    assert f"/events/{event.pk}/" in by_event.values()
    assert by_invoice[f"Order {order}"] == f"/orders/{order}/"
    other = case("paid_vs_invoiced", order="R-77", team=Team.objects.get(slug="revenue-ops"))
    theirs = menu(operator, "R-77", of=other)
    assert "Order R-77" in theirs  # orders are everyone's to read
    assert not any(href.startswith(f"/exceptions/{other.pk}/") for href in theirs.values())
    assert menu(operator, "north")["Search exceptions for “north”"] == "/exceptions/?q=north"


def test_pages_are_those_that_the_person_may_open(people: dict[str, Client]) -> None:
    found = {
        role: menu(client) for role, client in people.items() if role not in {"nobody", "no role"}
    }

    assert all("Who owns this" in each and "Inbox" in each for each in found.values())
    assert {role for role, each in found.items() if "Audit log" in each} == {
        "Operator", "Team lead", "Executive", "Auditor", "Platform owner", "Admin",
    }  # fmt: skip
    assert "Bulk" in found["Operator"]
    assert "Bulk" not in found["Rule editor"]
    assert "Unassigned" in found["Operator"]
    assert "Imports" in menu(people["Auditor"], "csv")
    assert "Imports" not in menu(people["Operator"], "csv")
    page = people["Operator"].get("/go/?q=O-1").content.decode()
    keys = people["Operator"].get("/keys/").content.decode()
    assert "<html" in page
    assert "Go to Who owns this</span><span><kbd>G</kbd><kbd>W</kbd>" in keys
    assert "<kbd>Ctrl</kbd> or <kbd>⌘</kbd><kbd>K</kbd>" in keys


def test_what_can_be_done_with_the_open_exception_is_offered(
    people: dict[str, Client], a_case: Case
) -> None:
    page = f"/exceptions/{a_case.pk}/"

    operator, auditor = (menu(people[role], of=a_case) for role in ("Operator", "Auditor"))
    opened = people["Operator"].get(operator["Snooze…"]).content.decode()
    taken = people["Operator"].post(operator["Take it"], {"version": a_case.version})

    assert operator["Activate subscription…"] == f"{page}repairs/activate_subscription/"
    assert "Assign…" not in operator  # only a lead gives work to others
    assert not any(href.startswith(page) for href in auditor.values())
    assert re.search(r'<details class="action" id="act-snooze" name="act" open>', opened)
    assert taken.status_code == 303
    assert menu(people["Operator"], "sno", of=a_case) == {
        "Snooze…": operator["Snooze…"],
        "Snoozed": "/exceptions/?view=snoozed",
        **menu(people["Operator"], "sno"),
    }

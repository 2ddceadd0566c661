"""What sources have said: found by source, status, type and name, and shown whole."""

from datetime import datetime
from hashlib import sha256

import pytest
from django.test import Client

from reconciliation import event_list
from reconciliation.models import Event, EventConflict, RejectedEvent
from tests import world
from tests.pages.conftest import find
from tests.pages.test_desk import body


@pytest.fixture
def told(desk: datetime) -> dict[str, Event]:
    """Give events in different states, beside those of the desk's two orders."""
    parked = world.say(
        "card-payments", "payment.captured", "NOT-YET", desk, payment="ch_9", amount_minor=1000,
        currency="EUR", event_id="evt-parked",
    )  # fmt: skip
    placed = world.place("A-9", desk, event_id="evt-placed")
    find()
    return {"parked": parked, "placed": placed}


def listed(client: Client, query: str, told: dict[str, Event]) -> set[str]:
    page = body(client, f"/events/?{query}")
    return {name for name, event in told.items() if f'href="/events/{event.pk}/"' in page}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("f=source:is:card-payments", {"parked"}),
        ("f=status:is:PARKED", {"parked"}),
        ("f=status:is:APPLIED", {"placed"}),
        ("f=type:is:order.created", {"placed"}),
        ("q=evt-parked", {"parked"}),
        ("q=ch_9", {"parked"}),
        ("q=NOT-YET", {"parked"}),
        ("q=A-9", {"placed"}),
        ("q=nothing", set()),
        ("", {"parked", "placed"}),
    ],
)
def test_an_event_is_found_by_what_it_is_and_by_its_names(
    query: str, found: set[str], operator: Client, told: dict[str, Event]
) -> None:
    assert listed(operator, query, told) == found


def test_pages_follow_one_another_without_gap_or_overlap(
    operator: Client, desk: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        world.say("shop", "order.confirmed", f"X-{number}", desk)
    everything = {"kind": "", "conditions": [], "search": "", "at": desk}
    monkeypatch.setattr(event_list, "PAGE_SIZE", 4)

    seen, older_than = [], 0
    while True:
        page = event_list.event_page(**everything, older_than=older_than)  # type: ignore[arg-type]
        seen += [row.id for row in page.rows]
        if not (older_than := page.older_than):
            break

    assert seen == sorted(Event.objects.values_list("pk", flat=True), reverse=True)


def test_an_event_shows_envelope_order_and_body(operator: Client, told: dict[str, Event]) -> None:
    page = body(operator, f"/events/{told['placed'].pk}/")

    for words in ("evt-placed", "/shop", "order.created", "Applied", "/orders/A-9/", "total_minor"):
        assert words in page


def test_an_event_names_its_other_bodies_and_what_repeats_it(
    operator: Client, told: dict[str, Event], desk: datetime
) -> None:
    EventConflict.objects.create(
        event=told["placed"], raw=b'{"other": 1}', sha256=b"2", received_at=desk
    )
    again = world.place("A-9", desk, event_id="evt-again")
    Event.objects.filter(pk=again.pk).update(status="DUPLICATE", duplicate_of=told["placed"])

    page = body(operator, f"/events/{told['placed'].pk}/")

    assert "Was said again by" in page
    assert "Other bodies under this ID" in page
    assert f'href="/events/{told["placed"].pk}/#bodies"' in body(
        operator, "/events/?view=conflicts"
    )


def test_bytes_are_shown_to_those_who_work_and_to_no_reader(
    people: dict[str, Client], told: dict[str, Event]
) -> None:
    raw = b'{"secret":"Ann Example"}'
    Event.objects.filter(pk=told["placed"].pk).update(raw=raw, sha256=sha256(raw).digest())
    url = f"/events/{told['placed'].pk}/"

    shown = {role for role, client in people.items() if b"Ann Example" in client.get(url).content}

    assert shown == {"Operator", "Team lead", "Platform owner", "Admin"}


def test_a_rejected_message_shows_every_reason(operator: Client, desk: datetime) -> None:
    errors = [{"pointer": "/data/total_minor", "detail": "The value is no integer."}]
    rejected = RejectedEvent.objects.create(
        source=world.source("shop"), raw=b'{"id": 1}', sha256=b"3", errors=errors, received_at=desk
    )

    listing = body(operator, "/events/?view=rejected&f=source:is:shop")
    page = body(operator, f"/events/rejected/{rejected.pk}/")

    assert f'href="/events/rejected/{rejected.pk}/"' in listing
    assert "/data/total_minor" in page
    assert "The value is no integer." in page


@pytest.mark.parametrize(
    ("query", "status"),
    [("after=x", 400), ("view=nothing", 404), ("f=nothing:is:x", 422), ("f=status:is:x", 200)],
)
def test_what_makes_no_sense_is_said(
    query: str, status: int, operator: Client, desk: datetime
) -> None:
    assert operator.get(f"/events/?{query}").status_code == status

"""A sender stops: one exception for its owners, marks on what waits for it, and all gone again."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from config import health, loops
from exceptions import intake, queries
from exceptions.models import Case, Message
from reconciliation import apply, clock, reconcile
from reconciliation.models import Event, Source, Team
from tests import world
from tests.exceptions.people import install_product, person
from tests.pages.people import clients
from tests.reconciliation.front_door import Sender, confirmed

pytestmark = pytest.mark.django_db
GAP = timedelta(minutes=15)


@pytest.fixture
def ledger(db: None) -> Sender:
    """Give revenue ops' ledger, which says something every quarter of an hour, and just did."""
    install_product()
    made = Sender(at=clock.now() - timedelta(days=1), slug="ledger", kind="billing")
    Source.objects.filter(slug="ledger").update(
        expected_gap_seconds=GAP.total_seconds(),
        owner_team=Team.objects.get(slug="revenue-ops"),
        truth_for=["payment.posted"],
    )
    speak(made, "e-1")
    return made


def speak(ledger: Sender, name: str) -> None:
    assert ledger.post(confirmed(name)).status_code == 202


def be_quiet(span: timedelta) -> None:
    """Let time pass since the ledger's last word."""
    Event.objects.filter(source__slug="ledger").update(received_at=clock.now() - span)


def look() -> None:
    """Do a round of the alarm path; no worker and no broker takes part."""
    for take, limit in loops.LOOPS["watch"].steps:
        take(limit=limit, at=clock.now())


def silent_cases() -> list[Case]:
    return list(Case.objects.filter(check_name="source_silent").order_by("pk"))


def word() -> str:
    """Say how the ledger flows, as the health page has it."""
    at = clock.now()
    sources = health.read(at=at, true_at=at).sources
    return next(source.word for source in sources if source.slug == "ledger")


def paid_and_not_posted(order: str) -> Case:
    """Let an order be paid, and the ledger never tell of its posting."""
    at = clock.now()
    long_ago = at - timedelta(days=3)
    world.place(order, long_ago)
    world.say(
        "card-payments", "payment.captured", order, long_ago, payment=f"ch_{order}",
        amount_minor=1000, currency="EUR",
    )  # fmt: skip
    for stage in (apply, reconcile, intake):
        stage.take(limit=100, at=at)
    return Case.objects.get(order__canonical_id=order, check_name="paid_not_posted")


def test_a_sender_that_stops_makes_one_exception_until_it_speaks(ledger: Sender) -> None:
    person("paula", "Platform owner", team="")
    look()
    assert silent_cases() == []

    be_quiet(GAP + timedelta(minutes=1))
    look()
    look()

    (case,) = silent_cases()
    assert (case.team.slug, case.severity, case.state) == ("revenue-ops", "P2", "NEW")
    assert Message.objects.filter(subject="Ledger is silent.").count() == 1
    assert word() == "Silent"

    speak(ledger, "e-2")
    look()

    (case,) = silent_cases()
    assert (case.state, case.closed_by) == ("SETTLED", "service:reconcile")
    assert word() == "Flowing"


def test_what_waits_for_its_word_is_marked_as_long_as_it_is_silent(ledger: Sender) -> None:
    waiting = paid_and_not_posted("O-1")
    lena = person("lena", "Admin", team="")

    def marks() -> list[str]:
        detail = queries.case_detail(case_id=waiting.pk, user=lena, at=clock.now())
        return [source.name for source in detail.silent]

    def found(value: str) -> list[int]:
        asked = {"field": "silent_source", "operator": "is", "value": value}
        page = queries.queue_page(user=lena, at=clock.now(), filters=[asked])
        return [row.id for row in page.rows]

    assert (marks(), found("any")) == ([], [])

    be_quiet(GAP + timedelta(minutes=1))
    look()
    assert (marks(), found("any"), found("ledger")) == (["Ledger"], [waiting.pk], [waiting.pk])

    speak(ledger, "e-2")
    look()
    assert (marks(), found("any"), found("ledger")) == ([], [], [])


def test_the_mark_and_the_reason_are_words_on_the_pages(ledger: Sender) -> None:
    waiting = paid_and_not_posted("O-1")
    be_quiet(GAP + timedelta(minutes=1))
    look()
    (case,) = silent_cases()
    admin: Client = clients()["Admin"]

    panel = admin.get(f"/exceptions/{waiting.pk}/").content.decode()
    alarm = admin.get(f"/exceptions/{case.pk}/").content.decode()

    assert 'href="/sources/ledger/"' in panel
    assert "is silent since" in panel
    assert "Ledger has said nothing since" in alarm
    assert "Something is expected every 15 min." in alarm


def test_a_source_that_is_silent_hides_no_case_of_another(ledger: Sender) -> None:
    at = datetime.fromisoformat("2026-11-01T12:00:00+00:00")
    other = world.source("carrier")
    Source.objects.filter(pk=other.pk).update(expected_gap_seconds=60, listening_since=at)
    be_quiet(GAP + timedelta(minutes=1))
    look()

    assert {case.team.slug for case in silent_cases()} == {"revenue-ops", "fulfilment-ops"}

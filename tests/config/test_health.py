"""The probes, and what the health page says of sources, processes and checks."""

import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connections
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from audit.models import AuditEvent
from config import health, invariants
from reconciliation import breaker, heartbeat
from reconciliation.clock import now
from reconciliation.models import (
    Breaker,
    Event,
    Heartbeat,
    Order,
    RejectedEvent,
    Source,
    WriteBack,
    WriteBackAttempt,
)
from tests.exceptions.people import install_product
from tests.world import NOON, place, say, source

pytestmark = pytest.mark.django_db


@pytest.fixture
def true_at() -> datetime:
    """Give the database's true clock."""
    heartbeat.beat(component="clock")
    return Heartbeat.objects.get(component="clock").at


@pytest.fixture
def silent_database() -> Iterator[None]:
    """Put something in the database's place that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = dict(connections["default"].settings_dict)
        _, port = server.getsockname()
        connections["default"].settings_dict.update(HOST="127.0.0.1", PORT=port)
        yield
        connections["default"].settings_dict.update(kept)


def _alive() -> None:
    for component in health.PROCESSES:
        heartbeat.beat(component=component)


def _word(slug: str, *, at: datetime) -> str:
    sources = health.read(at=at, true_at=at).sources
    return next(source.word for source in sources if source.slug == slug)


def _said(*, at: datetime = NOON, true_at: datetime) -> health.Health:
    return health.read(at=at, true_at=true_at)


@pytest.mark.parametrize("address", ["/health/live/", "/health/ready/"])
def test_the_probes_need_nobody_signed_in(address: str) -> None:
    assert Client().get(address).status_code == 200


def test_alive_asks_nothing_of_the_database(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = Client()
    client.cookies["sessionid"] = "anything"

    with django_assert_num_queries(0):
        assert client.get("/health/live/").content == b"live\n"


@pytest.mark.usefixtures("silent_database")
def test_not_ready_within_a_second_and_a_bit_when_the_database_hangs() -> None:
    begun = time.monotonic()

    answer = Client().get("/health/ready/")

    assert answer.status_code == 503
    assert time.monotonic() - begun < 10  # it would hang for ever; the limit itself is a second


def test_ready_while_redis_is_away(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert Client().get("/health/ready/").status_code == 200


@pytest.mark.parametrize(
    ("silent_for", "word"),
    [(0, "Flowing"), (15, "Flowing"), (16, "Quiet"), (30, "Quiet"), (31, "Late")],
)
def test_a_source_is_late_by_its_own_rhythm(silent_for: int, word: str) -> None:
    install_product()
    Source.objects.filter(slug="shop").update(expected_gap_seconds=15 * 60)
    place("O-1", NOON)

    assert _word("shop", at=NOON + timedelta(minutes=silent_for)) == word


def test_a_source_that_was_never_heard_is_not_green() -> None:
    install_product()

    assert _word("billing", at=NOON) == "No data"


def test_a_paused_source_says_so_whatever_else() -> None:
    install_product()
    Source.objects.filter(slug="shop").update(is_paused=True)

    assert _word("shop", at=NOON) == "Paused"


@pytest.mark.parametrize(("good", "word"), [(3, "Rejecting"), (4, "Flowing")])
def test_a_source_rejects_when_more_than_a_fifth_is_rejected(good: int, word: str) -> None:
    install_product()
    for number in range(good):
        say("billing", "invoice.issued", f"O-{number}", NOON)
    RejectedEvent.objects.create(
        source=Source.objects.get(slug="billing"), raw=b"x", sha256=b"x",
        content_type="x", errors=[], received_at=NOON,
    )  # fmt: skip

    assert _word("billing", at=NOON) == word


def test_one_sentence_says_that_all_is_well(true_at: datetime) -> None:
    install_product()
    for slug in Source.objects.exclude(kind="internal").values_list("slug", flat=True):
        say(slug, "order.confirmed", "O-1", NOON)
    _alive()
    heartbeat.beat(component=invariants.COMPONENT, details={"findings": [
        {"name": name, "rows": 0, "sample": []} for name in invariants.INVARIANTS
    ]})  # fmt: skip

    found = _said(true_at=true_at)

    assert (found.sentence, found.tone) == ("All 7 sources flowing.", "ok")


def test_an_empty_product_says_what_to_do(true_at: datetime) -> None:
    _alive()

    found = _said(true_at=true_at)

    assert found.sentence == "No source is connected yet."
    assert found.tone == "none"


def test_a_silent_process_is_a_problem(true_at: datetime) -> None:
    _alive()

    found = _said(true_at=true_at + timedelta(seconds=90))

    assert found.sentence.startswith("Workers: Silent, last heard")
    assert len(found.problems) == len(health.PROCESSES)


def test_a_check_that_broke_is_a_problem_and_one_not_asked_is_not_green(true_at: datetime) -> None:
    _alive()
    heartbeat.beat(component=invariants.COMPONENT, details={"findings": [
        {"name": "cases_in_catch_all", "rows": 2, "sample": ["exception #5"]},
    ]})  # fmt: skip

    found = _said(true_at=true_at)

    tones = {fact.name: fact.tone for fact in found.checks}
    assert tones["Every exception is routed by a rule"] == "bad"
    assert tones["Seals fit the audit trail"] == "none"
    assert found.problems == ("2 exceptions were routed by no rule (exception #5).",)


def test_old_answers_say_nothing(true_at: datetime) -> None:
    heartbeat.beat(component=invariants.COMPONENT, details={"findings": [
        {"name": name, "rows": 0, "sample": []} for name in invariants.INVARIANTS
    ]})  # fmt: skip

    found = _said(true_at=true_at + timedelta(minutes=4))

    names = {invariant.holds for invariant in invariants.INVARIANTS.values()}
    assert {fact.tone for fact in found.checks if fact.name in names} == {"none"}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (119, "1 min"), (7_199, "119 min"), (7_200, "2 h")],
)
def test_a_span_is_said_in_its_largest_unit(seconds: int, words: str) -> None:
    assert health.duration(timedelta(seconds=seconds)) == words


def test_the_page_shows_it_and_a_swap_gets_the_piece_alone() -> None:
    install_product()
    place("O-1", NOON)
    Event.objects.update(received_at=NOON)
    user = User.objects.create_user("dana")
    user.groups.add(Group.objects.get(name="Platform owner"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    page = client.get("/health/").content.decode()
    piece = client.get("/health/", headers={"HX-Request": "true", "HX-Target": "health"})

    for words in ("Sources", "Silent-failure checks", "v1, live since", "All applied", "Late"):
        assert words in page
    assert piece.content.decode().strip().startswith('<div id="health"')


def test_a_target_that_is_left_alone_is_shown_with_a_way_back_for_who_may() -> None:
    install_product()
    order, erp = the_order_of(place("O-1", NOON)), source("billing")
    owed = WriteBack.objects.create(
        target=erp, order=order, action="post_payment", payload={}, idempotency_key="k",
        created_at=NOON, next_attempt_at=NOON, error="Connection refused",
    )  # fmt: skip
    WriteBackAttempt.objects.create(writeback=owed, at=NOON, outcome="UNREACHABLE")
    breaker.trip(target_id=erp.pk, at=now())
    owner, other = signed_in("Platform owner"), signed_in("Auditor")
    way_back = f"/sources/{erp.slug}/call-again/"

    shown, read_only = (who.get("/health/").content.decode() for who in (owner, other))
    said = health.read(at=NOON, true_at=now()).problems
    refused = other.post(way_back)
    before = Breaker.objects.get()
    answer = owner.post(way_back)

    for page in (shown, read_only):
        assert "Connection refused" in page
        assert "Targets that cannot be reached" in page
    assert any(each.startswith("Billing cannot be reached since") for each in said)
    assert way_back in shown
    assert way_back not in read_only
    assert "Needs Platform owner or Admin" in read_only
    assert refused.status_code == 403
    assert before.open_until > now()
    assert answer.status_code == 303
    assert Breaker.objects.get().open_until <= now()
    assert Breaker.objects.get().failures == 1
    assert AuditEvent.objects.get(action="source.called_again").subject_id == erp.pk
    breaker.mend(target_id=erp.pk)
    assert owner.post(way_back).status_code == 422
    assert 'id="left-alone"' not in owner.get("/health/").content.decode()


def the_order_of(event: Event) -> Order:
    """Make the order that an event is of."""
    return Order.objects.create(canonical_id=event.order_reference, currency="EUR")


def signed_in(role: str) -> Client:
    """Sign someone of a role in."""
    user = User.objects.create_user(role)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_rail_shows_the_problems_that_the_watchdog_knows() -> None:
    heartbeat.beat(component="loop:watch", details={"problems": [{"name": "x"}, {"name": "y"}]})

    assert health.known_problems() == 2

"""Escalation: each step fires once and on time, tells people, and the watchdog sees the rest."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.db import connection
from pytest_django import Settings

from exceptions import clocks, escalate, intake, messages, notify
from exceptions.models import Case, Escalation, Message, MessageAttempt
from exceptions.watchdog import overdue_steps
from tests.exceptions.people import (
    WEDNESDAY,
    broken,
    case,
    fresh,
    lead,
    operator,
    person,
)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("installed"),
    # apprise imports what Python drops in 3.13, and catches its absence.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]


def opened(at_risk_minor: int = 5_000) -> Case:
    broken(at_risk_minor=at_risk_minor)
    intake.take(limit=10, at=WEDNESDAY)
    return Case.objects.get()


def run(hours: float) -> int:
    return escalate.take(limit=100, at=WEDNESDAY + timedelta(hours=hours))


def test_a_p1_tells_the_executive_at_once() -> None:
    boss = person("eva", "Executive", team="")
    lead()
    urgent = opened(at_risk_minor=100_000)

    run(0)

    assert urgent.severity == "P1"
    assert Message.objects.get().recipient == boss
    assert "P1" in Message.objects.get().subject


def test_the_owner_hears_at_three_quarters_and_the_lead_at_the_end() -> None:
    olga, lena = operator(), lead()
    known = opened()
    Case.objects.update(owner=olga)
    steps = clocks.steps_of(known)

    for step in steps:
        escalate.take(limit=10, at=step.due_at - timedelta(seconds=1))
        escalate.take(limit=10, at=step.due_at)

    told = list(Message.objects.order_by("pk").values_list("recipient", flat=True))
    assert told == [olga.pk, lena.pk]
    assert steps[-1].due_at == known.resolve_due_at
    assert fresh(known).next_escalation_at is None


def test_a_case_without_an_owner_has_its_lead_told_and_without_a_lead_an_admin() -> None:
    admin = person("ann", "Admin", team="")
    opened()

    run(24 * 7)

    assert set(Message.objects.values_list("recipient", flat=True)) == {admin.pk}


def test_steps_missed_while_the_loop_was_dead_all_fire_once() -> None:
    lead()
    opened()

    assert run(24 * 30) == 1
    assert run(24 * 30) == 0

    assert Escalation.objects.count() == 2


def test_a_step_that_fires_late_says_so() -> None:
    lead()
    known = opened()
    step = clocks.steps_of(known)[-1]

    escalate.take(limit=10, at=step.due_at + timedelta(minutes=12))

    late = Message.objects.latest("pk").subject
    assert late.endswith("over SLA (said 12 min late)")
    assert Escalation.objects.get(step=step.number).due_at == step.due_at


def test_a_head_is_an_executive_of_the_team_and_its_lead_where_there_is_none() -> None:
    lena, boss = lead(), person("eva", "Executive", team="")
    head = person("hana", "Executive")
    urgent = opened(at_risk_minor=100_000)

    assert messages.recipients(case=urgent, to="head") == [head]
    head.memberships.all().delete()
    assert messages.recipients(case=urgent, to="head") == [lena]
    assert messages.recipients(case=urgent, to="executive") == [boss, head]


def test_a_settled_case_is_silent() -> None:
    known = opened()
    known.discrepancy.cleared_at = WEDNESDAY
    known.discrepancy.save()
    intake.take(limit=10, at=WEDNESDAY)

    assert run(24 * 30) == 0


def test_the_watchdog_names_what_should_have_fired() -> None:
    known = case(next_escalation_at=WEDNESDAY)

    assert overdue_steps(at=WEDNESDAY + timedelta(seconds=60)) == []
    (late,) = overdue_steps(at=WEDNESDAY + timedelta(seconds=61))

    assert (late.case_id, late.due_at) == (known.pk, WEDNESDAY)


@pytest.mark.django_db(transaction=True)
def test_two_loops_at_once_fire_each_step_once() -> None:
    lead()
    for number in range(10):
        broken(order=f"O-{number}")
    intake.take(limit=100, at=WEDNESDAY)

    def sweep(_number: int) -> int:
        try:
            return run(24 * 30)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(sweep, range(4)))

    assert done == 10
    assert Escalation.objects.count() == Message.objects.count() == 20


class _Hook(BaseHTTPRequestHandler):
    received: list[dict[str, str]]
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append(json.loads(body))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
        pass


@pytest.fixture
def hook(settings: Settings) -> Iterator[type[_Hook]]:
    handler = type("Hook", (_Hook,), {"received": [], "status": 200})
    server = HTTPServer(("127.0.0.1", 0), handler)
    settings.NOTIFY_URLS = [f"json://127.0.0.1:{server.server_address[1]}/?to={{email}}"]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def arrange(email: str = "lena@example.com") -> None:
    person("lena", "Team lead", is_lead=True, email=email)
    opened()
    run(24 * 30)


def send(hours: float = 24 * 30) -> int:
    return notify.take(limit=100, at=WEDNESDAY + timedelta(hours=hours))


def test_a_message_goes_to_the_inbox_and_outside(hook: type[_Hook]) -> None:
    arrange()

    assert send() == 2

    assert [call["title"] for call in hook.received] == list(
        Message.objects.filter(channel="mail").order_by("pk").values_list("subject", flat=True)
    )
    assert set(Message.objects.values_list("state", flat=True)) == {"SENT"}
    assert send() == 0


def test_a_channel_that_is_down_is_tried_again_and_then_given_up(hook: type[_Hook]) -> None:
    arrange()
    hook.status = 500

    tried = sum(send(24 * 30 + hours) for hours in range(1, 20))

    failed = Message.objects.filter(channel="mail")
    assert tried == 10 == MessageAttempt.objects.filter(error="It answered 500.").count()
    assert {(each.state, each.attempts) for each in failed} == {("FAILED", 5)}
    assert set(Message.objects.filter(channel="inbox").values_list("state", flat=True)) == {"SENT"}


def test_a_person_without_an_address_is_said_so(hook: type[_Hook]) -> None:
    arrange(email="")

    send()

    assert "no e-mail address" in Message.objects.filter(channel="mail").latest("pk").error
    assert hook.received == []

"""The demo company's past goes through the product, and what is found is what went wrong."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db.models import Q
from pytest_django.live_server_helper import LiveServer

from config import embedded, premises, simulate
from config.compare import Comparison, compare, findings
from config.demo import truth
from config.demo.sender import Sender
from config.install import install
from config.people import NotADemo
from config.premises import CannotLoad, Setup
from config.systems import serve
from exceptions.models import Case
from reconciliation import replay
from reconciliation.models import DiffFinding, DiffWindow, Event, Installation, Job, Order
from reconciliation.parting import partings
from tests.world import source

STARTS_AT = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
DAYS = 12
DAY = timedelta(days=1)
ROUTINE = (
    "invoice_sent_not_active",
    "shipped_not_recorded",
    "paid_not_posted",
    "settled_not_posted",
    "delivered_not_billed",
)


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, live_server: LiveServer) -> Setup:
    """Give a company of 260 orders, over a third of which go wrong, and an installed product."""
    monkeypatch.setattr(embedded, "data_dir", lambda: tmp_path)
    install(at=STARTS_AT)
    return Setup(
        seed=11,
        orders=260,
        days=DAYS,
        starts_at=STARTS_AT,
        base_url=live_server.url,
        systems_url=f"http://127.0.0.1:{free_port()}",
        fault_factor=12,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def load(setup: Setup, *, until: datetime, on_step: Callable[[], None] = lambda: None) -> None:
    def now() -> datetime:
        return until

    setup, job = premises.move_in(setup, at=setup.starts_at)
    with (
        Sender(base_url=setup.base_url, secrets=setup.secrets) as sender,
        serve(setup, sender, true_now=now),
    ):
        simulate.drive(
            setup, job=job, sender=sender, true_now=now, on_step=lambda _progress: on_step()
        )


def compared(*, at: datetime) -> Comparison:
    return compare(expected=truth.read(premises.truth_path()), found=findings(), at=at)


@pytest.mark.django_db(transaction=True)
def test_the_product_finds_what_went_wrong_and_nothing_else(setup: Setup) -> None:
    ends_at = STARTS_AT + timedelta(days=DAYS)

    load(setup, until=ends_at)

    comparison = compared(at=ends_at)
    assert comparison.missing == []
    assert comparison.unexpected == []
    assert comparison.expected > 50
    assert len(comparison.by_check) >= 10
    assert Order.objects.count() >= 260
    assert not Event.objects.filter(status="RECEIVED").exists()
    assert Installation.objects.get().simulated_now is None
    assert Job.objects.get(kind="demo").state == "DONE"
    # What is routine was put right without a person, unless the system refused it.
    refused = {order for order, check in findings() if check == "writeback_failed"}
    for case in Case.objects.filter(check_name__in=ROUTINE, opened_at__lt=ends_at - DAY):
        is_refused = str(case.order) in refused
        assert (case.state == Case.State.SETTLED) != is_refused, (case, case.order)
    assert not Case.objects.filter(owner__isnull=False).exists()
    # What two systems hold was compared with what they told, every day, and agreed.
    windows = DiffWindow.objects.filter(state=DiffWindow.State.DONE)
    assert windows.count() == 2 * (DAYS - 1)
    assert all(window.matched for window in windows.filter(since__lt=ends_at - 4 * DAY))
    assert not DiffWindow.objects.filter(Q(error__gt="") | Q(different__gt=0)).exists()
    assert not DiffFinding.objects.exists()
    # Rebuilt from zero, every order comes to what live has, after one pass at one moment.
    ids = list(Order.objects.values_list("pk", flat=True))
    both = replay.rebuild(order_ids=ids, at=ends_at)
    assert partings(both) == []
    assert len(both.scratch) == len(ids)


class Cut(Exception):
    """Stands for a loader that was killed."""


@pytest.mark.django_db(transaction=True)
def test_a_load_that_is_cut_off_goes_on_where_it_was(setup: Setup) -> None:
    ends_at = STARTS_AT + timedelta(days=4)
    steps: list[int] = []

    def cut() -> None:
        steps.append(1)
        if len(steps) == 9:
            raise Cut

    with pytest.raises(Cut):
        load(setup, until=ends_at, on_step=cut)
    load(setup, until=ends_at, on_step=lambda: steps.append(1))

    assert len(steps) == 24
    assert compared(at=ends_at).is_equal
    identities = Event.objects.values_list("source", "sender", "event_id")
    assert len(set(identities)) == len(identities)


@pytest.mark.django_db(transaction=True)
def test_a_load_that_was_asked_to_stop_stops_after_a_step_and_can_go_on(setup: Setup) -> None:
    ends_at = STARTS_AT + timedelta(days=1)

    load(setup, until=ends_at, on_step=ask_to_stop)
    stopped = Job.objects.get(kind="demo")
    load(setup, until=ends_at)

    assert (stopped.state, stopped.done) == ("STOPPED", 2)
    assert Job.objects.get(kind="demo").state == "DONE"


def ask_to_stop() -> None:
    """Ask once, after the first step."""
    Job.objects.filter(done=1).update(is_stop_asked=True)


@pytest.mark.django_db(transaction=True)
def test_a_demo_does_not_move_in_with_real_events(setup: Setup) -> None:
    Event.objects.create(
        source=source("shop"),
        sender="https://shop.example",
        event_id="1",
        type="order.created",
        occurred_at=STARTS_AT,
        received_at=STARTS_AT,
        data={},
        sha256=b"",
    )

    with pytest.raises(NotADemo):
        premises.move_in(setup, at=STARTS_AT)

    assert not Installation.objects.get().is_demo


@pytest.mark.django_db(transaction=True)
def test_another_company_does_not_move_in_with_the_first(setup: Setup) -> None:
    premises.move_in(setup, at=STARTS_AT)

    with pytest.raises(CannotLoad):
        premises.move_in(Setup(**{**vars(setup), "seed": 12}), at=STARTS_AT)

"""Drives a demo's past, step by step in simulated time, and then lets the company live on.

While the past is driven, nobody else runs the pipeline: a stage in the middle of a step would
judge by half of what happened.
"""

import heapq
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from audit.record import record
from config import pipeline
from config.demo import truth
from config.demo.market import Market
from config.demo.market_turns import market_tales
from config.demo.sender import Sender
from config.demo.telling import LONGEST_STORY, Telling, tales
from config.premises import ACTOR, JOB_KIND, STEP, Setup, clock_path, truth_path
from reconciliation import clock
from reconciliation.models import Event, Installation, Job, Order

_NEARLY_NOW = timedelta(minutes=1)
_LONG_SILENCE = timedelta(minutes=30)  # the shortest window of the company's work is an hour
_TRICKLE_SECONDS = 5.0


class Progress(NamedTuple):
    """How far the telling has come."""

    told_until: datetime
    done: int
    total: int
    messages: int
    work: Mapping[str, int]


def drive(
    setup: Setup,
    *,
    job: Job,
    sender: Sender,
    true_now: Callable[[], datetime],
    on_step: Callable[[Progress], None],
) -> int:
    """Tell everything from where it was left up to now, in simulated time; says how many messages.

    Each step is sent whole, then the pipeline runs until nothing is left to do. A step that was
    cut off is told again: what was stored is known by its id.
    """
    hold_time(at=true_now())
    told_until = _told_until(job)
    telling = _telling_from(setup, told_until)
    messages, step = 0, job.done
    while true_now() - told_until > _NEARLY_NOW:
        step += 1
        told_until = min(told_until + STEP, true_now())
        deliveries, expected = telling.until(told_until)
        truth.add(truth_path(), expected)
        _set_clock(told_until)
        sender.send(deliveries)
        messages += len(deliveries)
        work = pipeline.sweep(at=clock.now)
        is_stopped = _note(job, told_until, step=step)
        on_step(Progress(told_until, step, job.total or step, len(deliveries), work))
        if is_stopped:
            return messages
    _arrive(job, at=true_now())
    pipeline.sweep(at=true_now)
    return messages


def trickle(
    setup: Setup,
    *,
    sender: Sender,
    true_now: Callable[[], datetime],
    stopped: threading.Event,
) -> int:
    """Go on telling as things happen, until `stopped`; says how many messages."""
    job = Job.objects.filter(kind=JOB_KIND).latest("pk")
    while job.state != Job.State.DONE:  # its past was stopped, and waits to be told on
        if stopped.wait(_TRICKLE_SECONDS):
            return 0
        job.refresh_from_db()
    telling = _telling_from(setup, _told_until(job))
    messages = 0
    while not stopped.wait(_TRICKLE_SECONDS):
        told_until = true_now()
        deliveries, expected = telling.until(told_until)
        truth.add(truth_path(), expected)
        sender.send(deliveries)
        messages += len(deliveries)
        job.parameters = {"told_until": told_until.isoformat()}
        job.save(update_fields=["parameters"])
    return messages


def hold_time(*, at: datetime) -> None:
    """Let a product that was away go on where it stopped, until it has been told the rest.

    Otherwise its workers would miss, at once, whatever happened while nobody listened.
    """
    job = Job.objects.filter(kind=JOB_KIND).order_by("pk").last()
    is_held = Installation.objects.filter(simulated_now__isnull=False).exists()
    if job is not None and not is_held and at - _told_until(job) > _LONG_SILENCE:
        _set_clock(_told_until(job))


def _told_until(job: Job) -> datetime:
    return datetime.fromisoformat(job.parameters["told_until"])


def _telling_from(setup: Setup, told_until: datetime) -> Telling:
    """Go to the place where the story was left."""
    since, factor = told_until - LONGEST_STORY, setup.fault_factor
    company, market = setup.company, Market(setup.company)
    streams = (
        tales(company, start=company.first_after(since), fault_factor=factor),
        market_tales(market, start=market.first_after(since), fault_factor=factor),
    )
    telling = Telling(heapq.merge(*streams, key=lambda tale: tale.purchase.placed_at))
    telling.until(told_until)
    return telling


def _set_clock(at: datetime) -> None:
    """Turn the product's clock, and that of the company's systems."""
    Installation.objects.filter(id=1).update(simulated_now=at)
    clock_path().write_text(at.isoformat())


def _note(job: Job, told_until: datetime, *, step: int) -> bool:
    """Write down that a step is finished; says whether a person asked to stop."""
    job.refresh_from_db(fields=["is_stop_asked"])
    job.state = Job.State.STOPPED if job.is_stop_asked else Job.State.RUNNING
    job.done, job.total = step, max(step, job.total or 0)
    job.is_stop_asked = False
    job.parameters = {"told_until": told_until.isoformat()}
    job.save(update_fields=["state", "done", "total", "is_stop_asked", "parameters"])
    return job.state == Job.State.STOPPED


@transaction.atomic
def _arrive(job: Job, *, at: datetime) -> None:
    """Let the true clock rule from here on."""
    installation = Installation.objects.select_for_update().get(id=1)
    if installation.simulated_now is not None:
        record(
            stream="system",
            subject_id=installation.pk,
            action="system.simulated_time_ended",
            actor=ACTOR,
            at=at,
        )
    installation.simulated_now = None
    installation.save()
    clock_path().unlink(missing_ok=True)
    job.state, job.finished_at = Job.State.DONE, at
    job.save(update_fields=["state", "finished_at"])


def counts() -> dict[str, int]:
    """Count what the demo has put into the product."""
    return {"orders": Order.objects.count(), "events": Event.objects.count()}

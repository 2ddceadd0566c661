"""The alarm loops: plain, in need of no broker, so that a broken one cannot silence alarms."""

import threading
from datetime import datetime
from typing import NamedTuple

import structlog
from django.db import DatabaseError, connection

from audit import seal
from config import invariants, watch
from config.pipeline import Take
from exceptions import absences, digest, escalate, handoff, intake, notify, wake
from reconciliation import clock, heartbeat, silence

_log = structlog.get_logger(__name__)


class Loop(NamedTuple):
    """What one loop does each round, how much at once, and how long it rests."""

    steps: tuple[tuple[Take, int], ...]
    rest_seconds: float
    settle_seconds: float = 0.0  # before the first round, while others start


def open_cases(*, limit: int, at: datetime) -> int:
    """Open and settle cases here too: a silent source is told of though no worker lives."""
    return 0 if clock.is_simulated() else intake.take(limit=limit, at=at)


LOOPS = {
    "escalate": Loop(
        (
            (wake.take, 500),
            (escalate.take, 500),
            (absences.take, 100),
            (handoff.take, 200),
            (digest.take, 100),
            (notify.take, 100),
        ),
        rest_seconds=5,
    ),
    "seal": Loop(((seal.take, 20_000),), rest_seconds=3),
    "watch": Loop(
        (
            (invariants.take, 5_000),
            (silence.take, 100),
            (open_cases, 100),
            (watch.take, 20),
            (notify.take, 100),
        ),
        rest_seconds=15,
        settle_seconds=75,
    ),
}


def run(name: str, *, stop: threading.Event) -> int:
    """Go round until `stop` is set; says how much was done.

    A database that is away is waited for: nothing else may end an alarm.
    """
    loop, total = LOOPS[name], 0
    stop.wait(loop.settle_seconds)
    while not stop.is_set():
        try:
            total += go_round(name)
        except DatabaseError:
            _log.exception("loop.failed", loop=name)
            connection.close()
        stop.wait(loop.rest_seconds)
    return total


def go_round(name: str) -> int:
    """Do one round of a loop and show that it lives; says how much was done."""
    done = sum(take(limit=limit, at=clock.now()) for take, limit in LOOPS[name].steps)
    if f"loop:{name}" != watch.COMPONENT:  # whose sign of life says what it found
        heartbeat.beat(component=f"loop:{name}")
    return done

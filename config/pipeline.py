"""The one way an event goes, top to bottom. Each stage leaves rows; the next picks them up.

Nothing here calls the next stage: a crash anywhere resumes by itself. The Celery tasks, the alarm
loops and `manage.py sweep` all run these same functions.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol

from config.work import KINDS
from exceptions import absences, digest, escalate, handoff, intake, merging, notify, repair, wake
from reconciliation import apply, diff, full_pass, job_runner, reconcile, retention, writeback


class Take(Protocol):
    """Does up to `limit` units of a stage's work as of `at`; says how many it did."""

    def __call__(self, *, limit: int, at: datetime) -> int:
        """Do it."""


class Stage(NamedTuple):
    """One stage: its name, the verb that does it, and how much it takes at once."""

    name: str
    take: Take
    limit: int


# 1 ingest happens in the front door: reconciliation/views/ingest.py
STAGES = (
    Stage("nightly", full_pass.take, 1),        # every order judged once a night, as a job
    Stage("jobs", partial(job_runner.take, kinds=KINDS), 20),  # steps of long work, see work.py
    Stage("apply", apply.take, 5_000),          # events → entries, position, state
    Stage("reconcile", reconcile.take, reconcile.BATCH),  # dirty and due orders → discrepancies
    Stage("wake", wake.take, 500),              # what a case waits for → back to work
    Stage("intake", intake.take, 1_000),        # discrepancies → cases, owned and timed
    Stage("merged", merging.take, 200),         # cases put to others that were closed → follow
    Stage("repair", repair.take, 200),          # routine cases → corrections, write-backs
    Stage("writeback", writeback.take, 100),    # outbox → answers → events, back to 1
    Stage("diff", diff.take, 10),               # sources' own records → what we were not told
    Stage("retention", retention.take, 1_000),  # bytes past their time → gone, digests stay
    Stage("absences", absences.take, 100),      # people away → their cases in other hands
    Stage("handoffs", handoff.take, 200),       # not answered in time → back with the sender
    Stage("escalate", escalate.take, 500),      # clocks → steps
    Stage("digest", digest.take, 100),          # mornings → messages
    Stage("notify", notify.take, 100),          # messages → people
)  # fmt: skip


def sweep(*, at: Callable[[], datetime], rounds: int = 50) -> dict[str, int]:
    """Run every stage in turn until none finds work; says how much each did.

    Reads the clock anew for each stage. Stops after `rounds`, so that work which makes work
    for ever is seen instead of looping.
    """
    done = dict.fromkeys((stage.name for stage in STAGES), 0)
    for _ in range(rounds):
        found = 0
        for stage in STAGES:
            count = stage.take(limit=stage.limit, at=at())
            done[stage.name] += count
            found += count
        if not found:
            break
    return done

"""Does long work step by step, so that a kill loses one step at the most and repeats none.

A step's work and the note of it are one transaction, held by the token of the claim: a job whose
process was killed is taken up by another, from its checkpoint, once the lease has run out; a
process that was only slow finds its token gone and leaves no trace.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import connection, transaction

from reconciliation import sql
from reconciliation.models import Job

LEASE_SECONDS = 60  # a step must be done well within it
MOST_ATTEMPTS = 4  # at one step, kills and errors together
_SLICE_SECONDS = 20.0  # of one job before others have their turn; a worker's task may take 100
_RETRY_SECONDS = 5
_ALL = 1_000_000_000
_ENDED = "A step failed or its process died 4 times in a row. What was done before stays done."
_log = structlog.get_logger(__name__)


class CannotGoOn(Exception):
    """The work ends here, as trying again would change nothing; the message is shown."""


class _Lost(Exception):
    """Another process has taken the job over."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a job is after a step; `checkpoint` is all that the next step is told."""

    checkpoint: Mapping[str, Any]
    done: int
    total: int | None = None
    failed: int = 0
    result: Mapping[str, Any] = field(default_factory=dict)
    is_over: bool = False


# Does a bounded piece of a job's work from `job.checkpoint` on, inside the runner's transaction.
Step = Callable[[Job, datetime], Progress]


class _Turn(NamedTuple):
    """A claimed job, and how much of it may be done before others have their turn."""

    job_id: int
    token: UUID
    most_steps: int
    retry_seconds: int
    now: Callable[[], datetime]


def take(*, kinds: Mapping[str, Step], limit: int, at: datetime) -> int:
    """Do up to `limit` steps of the job that has waited longest; says how many were tried."""
    claim = _claimed(kinds, job_id=None, at=at)
    if claim is None:
        return 0
    return _go_on(_Turn(*claim, limit, _RETRY_SECONDS, lambda: at), kinds)


def run(*, job_id: int, kinds: Mapping[str, Step], now: Callable[[], datetime]) -> Job:
    """Do one job to its end here and now, unless another process is at it; gives the job.

    Reads the clock by `now` for each step. A step that fails is tried again at once.
    """
    while claim := _claimed(kinds, job_id=job_id, at=now()):
        _go_on(_Turn(*claim, _ALL, 0, now), kinds)
    return Job.objects.get(pk=job_id)


def _claimed(
    kinds: Mapping[str, Step], *, job_id: int | None, at: datetime
) -> tuple[int, UUID] | None:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.load("claim_job"),
            {"kinds": list(kinds), "job_id": job_id, "lease_seconds": LEASE_SECONDS, "at": at},
        )
        found: tuple[int, UUID] | None = cursor.fetchone()
    return found


def _go_on(turn: _Turn, kinds: Mapping[str, Step]) -> int:
    """Do step after step until the job is over, lost, put off, or the turn ends."""
    ends_at = time.monotonic() + _SLICE_SECONDS
    for number in range(1, turn.most_steps + 1):
        is_last = number == turn.most_steps or time.monotonic() > ends_at
        try:
            if not _stepped(turn, kinds, is_last=is_last):
                return number
        except _Lost:
            _log.warning("job.lost", job=turn.job_id)
            return number
    return turn.most_steps


def _stepped(turn: _Turn, kinds: Mapping[str, Step], *, is_last: bool) -> bool:
    """Do one step; says whether this turn goes on."""
    job, at = Job.objects.get(pk=turn.job_id), turn.now()
    if job.is_stop_asked:
        _end(turn, job, Job.State.STOPPED, at=at)
        return False
    if job.attempts > MOST_ATTEMPTS:
        _end(turn, job, Job.State.FAILED, at=at, error=_ENDED)
        return False
    try:
        with transaction.atomic():
            progress = kinds[job.kind](job, at)
            _keep(turn, progress, at=at, is_last=is_last)
    except CannotGoOn as refusal:
        _end(turn, job, Job.State.FAILED, at=at, error=str(refusal))
        return False
    except _Lost:
        raise
    except Exception:  # noqa: BLE001 - any kind may fail in any way; others go on
        _log.exception("job.step_failed", job=job.pk, kind=job.kind, attempt=job.attempts)
        _put_off(turn, job, at=at)
        return False
    return not (progress.is_over or is_last)


def _keep(turn: _Turn, progress: Progress, *, at: datetime, is_last: bool) -> None:
    _write(
        turn,
        progress,
        state=Job.State.DONE if progress.is_over else Job.State.RUNNING,
        attempts=0 if is_last else 1,  # the next step is this claim's second, or another's first
        lease_seconds=0 if is_last else LEASE_SECONDS,
        finished_at=at if progress.is_over else None,
    )


def _end(turn: _Turn, job: Job, state: Job.State, *, at: datetime, error: str = "") -> None:
    progress = _as_it_was(job, {**job.result, "error": error} if error else job.result)
    _write(turn, progress, state=state, attempts=job.attempts, lease_seconds=0, finished_at=at)


def _put_off(turn: _Turn, job: Job, *, at: datetime) -> None:
    """Let the step be tried again a little later, or end where it was tried often enough."""
    if job.attempts >= MOST_ATTEMPTS:
        _end(turn, job, Job.State.FAILED, at=at, error=_ENDED)
        return
    _write(
        turn,
        _as_it_was(job, job.result),
        state=Job.State.RUNNING,
        attempts=job.attempts,
        lease_seconds=turn.retry_seconds,
        finished_at=None,
    )


def _as_it_was(job: Job, result: Mapping[str, Any]) -> Progress:
    return Progress(
        checkpoint=job.checkpoint,
        done=job.done,
        total=job.total,
        failed=job.failed,
        result=result,
    )


def _write(
    turn: _Turn,
    progress: Progress,
    *,
    state: Job.State,
    attempts: int,
    lease_seconds: int,
    finished_at: datetime | None,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.load("keep_job"),
            {
                "job_id": turn.job_id,
                "claim_token": turn.token,
                "state": state,
                "checkpoint": json.dumps(progress.checkpoint),
                "result": json.dumps(progress.result),
                "total": progress.total,
                "done": progress.done,
                "failed": progress.failed,
                "attempts": attempts,
                "lease_seconds": lease_seconds,
                "finished_at": finished_at,
            },
        )
        if cursor.rowcount != 1:
            raise _Lost

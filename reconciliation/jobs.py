"""Long work that people or commands started: what there is of it, and how to stop it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from audit.record import record
from reconciliation.models import Installation, Job, Run

PAGE_SIZE = 50
RUNS_SHOWN = 20
_MAY_STOP_ALL = frozenset({"Platform owner", "Admin"})
_UNDER_WAY = (Job.State.QUEUED, Job.State.RUNNING)
_WORDS = {
    Job.State.QUEUED: ("Queued", "none"),
    Job.State.RUNNING: ("Running", "info"),
    Job.State.DONE: ("Done", "ok"),
    Job.State.FAILED: ("Failed", "bad"),
    Job.State.STOPPED: ("Stopped", "pause"),
}


class NotAllowed(Exception):
    """This person may not stop this job; the message may be shown to them."""


class CannotStop(Exception):
    """The job is over; the message may be shown."""


@dataclass(frozen=True)
class JobRow:
    """One job as a page shows it."""

    id: int
    title: str
    kind: str
    word: str
    tone: str
    done: int
    total: int | None
    failed: int
    progress: str
    by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    is_under_way: bool
    is_stopping: bool
    stop_refusal: str  # why this person may not stop it; empty: they may
    href: str  # the page of what it works on, if there is one
    parameters: dict[str, Any]
    result: dict[str, Any]


@dataclass(frozen=True)
class RunRow:
    """One pass of reconciliation as a page shows it."""

    id: int
    at: datetime
    scope: str
    rulebook_version: int
    judged: int
    holds: int
    waiting: int
    broken: int
    opened: int
    cleared: int
    seconds: str


def job_page(*, user: User, older_than: int | None = None) -> tuple[list[JobRow], int | None]:
    """Give jobs, the newest first, and the id to go on from, if there are older ones."""
    found = Job.objects.select_related("started_by").order_by("-pk")
    if older_than is not None:
        found = found.filter(pk__lt=older_than)
    jobs = list(found[: PAGE_SIZE + 1])
    more = jobs[PAGE_SIZE - 1].pk if len(jobs) > PAGE_SIZE else None
    return [_job_row(job, user) for job in jobs[:PAGE_SIZE]], more


def job_row(*, job_id: int, user: User) -> JobRow:
    """Give one job; raises Job.DoesNotExist."""
    return _job_row(Job.objects.select_related("started_by").get(pk=job_id), user)


def recent_runs() -> list[RunRow]:
    """Give the newest passes of reconciliation."""
    return [_run_row(run) for run in Run.objects.order_by("-pk")[:RUNS_SHOWN]]


@transaction.atomic
def ask_stop(*, job_id: int, by: User, at: datetime) -> Job:
    """Ask a job to stop at its next step; what is done stays done.

    Raises NotAllowed if `by` neither started it nor runs the platform, CannotStop if it is over.
    """
    Installation.objects.select_for_update().first()  # the trail's subject of such rows
    job = Job.objects.select_for_update().get(pk=job_id)
    if refusal := _stop_refusal(job, by):
        raise NotAllowed(refusal)
    if job.state not in _UNDER_WAY:
        word, _ = _WORDS[Job.State(job.state)]
        raise CannotStop(f"{job.title} is {word.lower()} already. Nothing changed.")
    if job.is_stop_asked:
        return job
    record(
        stream="system",
        subject_id=1,
        action="job.stopped",
        actor=by.get_username(),
        at=at,
        detail={"job": job.pk, "what": job.title},
    )
    job.is_stop_asked = True
    job.save(update_fields=["is_stop_asked"])
    return job


def _stop_refusal(job: Job, by: User) -> str:
    if by.is_superuser or job.started_by_id == by.pk:
        return ""
    if by.groups.filter(name__in=_MAY_STOP_ALL).exists():
        return ""
    return "Needs Platform owner: only they and whoever started a job stop it."


def _job_row(job: Job, user: User) -> JobRow:
    word, tone = _WORDS[Job.State(job.state)]
    is_under_way = job.state in _UNDER_WAY
    is_stopping = is_under_way and job.is_stop_asked
    starter = job.started_by
    return JobRow(
        id=job.pk,
        title=job.title,
        kind=job.kind.replace("_", " ").capitalize(),
        word="Stopping" if is_stopping else word,
        tone=tone,
        done=min(job.done, job.total) if job.total is not None else job.done,
        total=job.total,
        failed=job.failed,
        progress=_progress(job),
        by=(starter.get_full_name() or starter.username) if starter else "Command line",
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        is_under_way=is_under_way,
        is_stopping=is_stopping,
        stop_refusal=_stop_refusal(job, user) if is_under_way else "",
        href=_href(job),
        parameters=job.parameters,
        result=job.result,
    )


def _href(job: Job) -> str:
    """Give the page of what it works on."""
    pages = {
        "upload": "/imports/", "bulk": "/exceptions/bulk/", "export": "/comparisons/exports/",
    }  # fmt: skip
    named = (f"{pages[name]}{job.parameters[name]}/" for name in pages if name in job.parameters)
    return next(named, "")


def _progress(job: Job) -> str:
    parts = [f"{job.done:,} of {job.total:,}" if job.total else f"{job.done:,} done"]
    if job.failed:
        parts.append(f"{job.failed:,} failed")
    return " · ".join(parts)


def _run_row(run: Run) -> RunRow:
    span = run.finished_at - run.started_at if run.finished_at else None
    return RunRow(
        id=run.pk,
        at=run.at,
        scope="All orders" if run.scope == "all" else "Due orders",
        rulebook_version=run.rulebook_version,
        judged=run.judged,
        holds=run.holds,
        waiting=run.waiting,
        broken=run.broken,
        opened=run.opened,
        cleared=run.cleared,
        seconds=_seconds(span),
    )


def _seconds(span: timedelta | None) -> str:
    return "under way" if span is None else f"{max(span.total_seconds(), 0):.1f} s"

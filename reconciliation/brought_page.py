"""Shows exports that people brought: how far each is, what is wrong with it, what it found."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any

from reconciliation import brought, brought_steps
from reconciliation.models import ColumnMapping, ImportFile, Job

SHOWN = 20
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")  # with which a spreadsheet begins a formula
_STATES = {
    Job.State.QUEUED: ("Waits to be read", "none"),
    Job.State.STOPPED: ("Stopped", "pause"),
    Job.State.FAILED: ("Not compared", "bad"),
}


@dataclass(frozen=True)
class Brought:
    """One export that somebody brought, and where it stands."""

    job: Job
    file: ImportFile
    read_by: str
    word: str
    tone: str
    says: str
    is_live: bool
    by: str
    since: datetime
    until: datetime
    errors: Sequence[dict[str, str]]
    result: dict[str, Any]


def recent() -> list[Brought]:
    """Give the exports that were brought last, the newest first."""
    jobs = Job.objects.filter(kind=brought.KIND).select_related("started_by").order_by("-pk")
    return [_row(job) for job in jobs[:SHOWN]]


def one(*, job_id: int) -> Brought:
    """Give one of them; raises Job.DoesNotExist."""
    return _row(Job.objects.select_related("started_by").get(pk=job_id, kind=brought.KIND))


def error_file(each: Brought) -> Iterator[str]:
    """Write everything that is wrong as CSV, each cell harmless in a spreadsheet."""
    yield _written("place", "reason")
    for wrong in brought_steps.wrong_in(each.job):
        yield _written(wrong.place, wrong.detail)


def _row(job: Job) -> Brought:
    file = ImportFile.objects.select_related("source").get(pk=job.parameters["file"])
    mapping = ColumnMapping.objects.filter(pk=job.parameters["mapping"] or 0).first()
    word, tone = _state(job)
    starter = job.started_by
    return Brought(
        job=job,
        file=file,
        read_by=str(mapping) if mapping else "CloudEvents, one a line",
        word=word,
        tone=tone,
        says=_says(job),
        is_live=job.state in {Job.State.QUEUED, Job.State.RUNNING},
        by=(starter.get_full_name() or starter.username) if starter else "Command line",
        since=datetime.fromisoformat(job.parameters["since"]),
        until=datetime.fromisoformat(job.parameters["until"]),
        errors=job.result.get("errors", []),
        result=job.result if job.state == Job.State.DONE else {},
    )


def _state(job: Job) -> tuple[str, str]:
    if job.state == Job.State.RUNNING:
        return ("Being compared" if job.done == job.total else "Being read"), "info"
    if job.state == Job.State.DONE:
        apart = _apart(job)
        return (f"{apart:,} apart", "warn") if apart else ("Agrees", "ok")
    return _STATES[Job.State(job.state)]


def _says(job: Job) -> str:
    if job.state == Job.State.FAILED:
        return str(job.result.get("error", ""))
    if job.state == Job.State.STOPPED:
        return "It was stopped before the end. Nothing was compared."
    if job.state == Job.State.DONE and not _apart(job):
        return "Both sides hold the same records of this time."
    return ""


def _apart(job: Job) -> int:
    return sum(job.result.get(name, 0) for name in ("different", "only_here", "only_there"))


def _written(*cells: str) -> str:
    out = StringIO()
    csv.writer(out).writerow(
        f"'{cell}" if cell.lstrip(" ").startswith(_RISKY) else cell for cell in cells
    )
    return out.getvalue()

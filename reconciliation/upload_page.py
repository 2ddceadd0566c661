"""Shows uploads: what a preview foresees, what became of every row, and the file of errors."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from django.db import connection
from django.db.models import Q

from reconciliation import ingest, sql
from reconciliation.models import Job, Upload, UploadItem
from reconciliation.sources.cells import Typed

ERRORS_SHOWN = 100
SAMPLE = 10
PAGE_SIZE = 50
_BATCH = 1_000
_FAILED = Q(verdict__in=["rejected", "conflict"])
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")  # with which a spreadsheet begins a formula


@dataclass(frozen=True)
class Error:
    """One thing that is wrong with one row."""

    row: int
    pointer: str
    detail: str  # names row and column


@dataclass(frozen=True)
class Total:
    """How many events of one type and currency there are, and their sum."""

    type: str
    currency: str
    events: int
    amount_minor: int | None


@dataclass(frozen=True)
class Funnel:
    """What became of every event: total = applied + parked + duplicate + rejected + waiting."""

    total: int
    applied: int
    parked: int
    duplicate: int
    rejected: int
    waiting: int
    parts: dict[str, int]  # the finer counts behind them


@dataclass(frozen=True)
class Phase:
    """How far an upload is, in words and with what can be done about it."""

    word: str
    tone: str
    sentence: str
    job: Job
    is_live: bool = False
    commit: str = ""  # what the button that imports, or goes on, says; empty: there is none


# outcome → whose events it lists; those that were sent again corrected go by the new event
LISTED = {
    "applied": ("APPLIED",),
    "parked": ("PARKED",),
    "waiting": ("RECEIVED",),
    "duplicate": ("DUPLICATE",),
    "rejected": ("QUARANTINED",),
}
_BY_VERDICT = {"duplicate": Q(verdict="seen"), "rejected": Q(verdict="conflict")}


def phase(upload: Upload) -> Phase:
    """Say how far an upload is."""
    job = upload.import_job
    if job is None:
        return _before_import(upload.preview_job)
    if job.state in (Job.State.QUEUED, Job.State.RUNNING):
        return Phase("Importing", "info", "You may leave this page.", job, is_live=True)
    if job.state == Job.State.DONE:
        return Phase("Imported", "ok", "", job)
    said = str(job.result.get("error", "")) or "It was stopped. What is imported stays imported."
    word = "Stopped" if job.state == Job.State.STOPPED else "Failed"
    return Phase(word, "pause" if word == "Stopped" else "bad", said, job, commit="Go on")


def _before_import(job: Job) -> Phase:
    if job.state in (Job.State.QUEUED, Job.State.RUNNING):
        return Phase("Reading", "info", "Nothing is imported yet.", job, is_live=True)
    if job.state == Job.State.DONE:
        number = job.result.get("new", 0)
        what = f"Import {number:,} new event{'' if number == 1 else 's'}"
        return Phase("Preview", "warn", "Nothing is imported yet.", job, commit=what)
    said = str(job.result.get("error", "")) or "Reading was stopped."
    return Phase("Not read", "bad", f"{said} Nothing was imported.", job)


def listed(upload: Upload, outcome: str) -> list[UploadItem]:
    """Give the first events of an outcome, as the funnel counts them."""
    statuses = LISTED[outcome]
    found = Q(verdict="new", event__status__in=statuses)
    found |= Q(verdict="rejected", rejection__resent_as__status__in=statuses)
    found |= _BY_VERDICT.get(outcome, Q(pk=None))
    if outcome == "rejected":
        found |= Q(verdict="rejected", rejection__resent_as=None)
    items = upload.items.filter(found).select_related("event__order", "rejection__resent_as")
    return list(items.order_by("row", "place")[:PAGE_SIZE])


def recent(*, older_than: int = 0) -> tuple[list[Upload], int]:
    """Give uploads, newest first, and the id to go on from, 0 at the end."""
    found = Upload.objects.select_related(
        "file__source", "mapping", "preview_job", "import_job", "created_by"
    ).order_by("-pk")
    if older_than:
        found = found.filter(pk__lt=older_than)
    rows = list(found[: PAGE_SIZE + 1])
    return rows[:PAGE_SIZE], rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else 0


def verdicts(job: Job) -> dict[str, int]:
    """Give a job's counts: total = new + seen + conflict + rejected."""
    return {name: job.result.get(name, 0) for name in ingest.funnel([])}


def errors(upload: Upload, *, limit: int = ERRORS_SHOWN) -> list[Error]:
    """Give what is wrong, row by row; what keeps the rest is the error file."""
    found: list[Error] = []
    for item in upload.items.filter(_FAILED).order_by("row", "place")[:limit]:
        found += [_error(item, problem) for problem in item.problems]
    return found[:limit]


def totals(upload: Upload) -> list[Total]:
    """Give the control totals of what can be read."""
    with connection.cursor() as cursor:
        cursor.execute(sql.load("upload_totals"), {"upload_id": upload.pk})
        return [
            Total(type_, currency, events, None if amount is None else int(amount))
            for type_, currency, events, amount in cursor.fetchall()
        ]


def rows_without_events(upload: Upload) -> int:
    """Count the rows that make no event by the mapping's conditions."""
    return upload.rows.count() - upload.items.values("row").distinct().count()


def sample(upload: Upload) -> list[UploadItem]:
    """Give the first events."""
    return list(upload.items.order_by("row", "place")[:SAMPLE])


def funnel(upload: Upload) -> Funnel:
    """Count what became of every event by now."""
    with connection.cursor() as cursor:
        cursor.execute(sql.load("upload_outcomes"), {"upload_id": upload.pk})
        parts: dict[str, int] = dict(cursor.fetchall())

    def count(*names: str) -> int:
        return sum(parts.get(name, 0) for name in names)

    return Funnel(
        total=sum(parts.values()),
        applied=count("applied"),
        parked=count("parked"),
        duplicate=count("seen", "linked"),
        rejected=count("rejected", "conflict", "quarantined"),
        waiting=count("waiting"),
        parts=parts,
    )


def error_file(upload: Upload) -> Iterator[str]:
    """Write a CSV of the rows that failed: number, every reason, then the row as it was.

    No cell begins as a formula would: in front of such a sign stands an apostrophe.
    """
    yield _line(["row", "reasons", *upload.header])
    after = 0
    while batch := _failed_rows(upload, after):
        after = batch[-1]
        reasons = _reasons(upload, batch)
        kept = dict(upload.rows.filter(number__in=batch).values_list("number", "cells"))
        for number in batch:
            cells = [_shown(cell) for cell in kept.get(number, [])]
            yield _line([str(number), reasons[number], *cells])


def _failed_rows(upload: Upload, after: int) -> list[int]:
    found = upload.items.filter(_FAILED, row__gt=after).values_list("row", flat=True)
    return list(found.distinct().order_by("row")[:_BATCH])


def _reasons(upload: Upload, numbers: Sequence[int]) -> dict[int, str]:
    found: dict[int, list[str]] = {}
    for item in upload.items.filter(_FAILED, row__in=numbers).order_by("row", "place"):
        said = (problem["detail"] for problem in item.problems)
        found.setdefault(item.row, []).extend(said)
    return {number: " ".join(dict.fromkeys(said)) for number, said in found.items()}


def _error(item: UploadItem, problem: dict[str, Any]) -> Error:
    return Error(item.row, problem["pointer"], problem["detail"])


def _shown(cell: Any) -> str:  # noqa: ANN401 - JSON
    return cell if isinstance(cell, str) else Typed(*cell).text


def _line(cells: Sequence[str]) -> str:
    out = StringIO()
    csv.writer(out).writerow([f"'{cell}" if cell.startswith(_RISKY) else cell for cell in cells])
    return out.getvalue()

"""Does the long work on uploads, step by step: reads a file, foresees its events, stores them."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from django.db import connection

from reconciliation import brought_records, ingest, nudge, uploads
from reconciliation.ingest import Verdict
from reconciliation.job_runner import CannotGoOn, Progress
from reconciliation.models import Job, RejectedEvent, Source, Upload, UploadItem, UploadRow
from reconciliation.sources import cells, mapping, row_events, tables
from reconciliation.sources.cells import Cell, Typed
from reconciliation.strict import Problem
from reconciliation.validate import Message

_ROWS = 1_000  # of one step
_AMOUNTS = ("amount_minor", "total_minor", "gross_minor", "net_minor")
_FAILED = (Verdict.CONFLICT.value, Verdict.REJECTED.value)
_TAKEN = Problem("/id", "Its id is taken by an event with another body.")
_SET_ASIDE = ["verdict", "problems", "event", "rejection"]


class _Made(NamedTuple):
    """One event that a row makes: its item, without a verdict yet, and its message."""

    item: UploadItem
    message: Message


def preview(job: Job, _at: datetime) -> Progress:
    """Read the whole file in the first step; then foresee the verdicts, some rows a step."""
    upload = _upload(preview_job=job)
    if "after" not in job.checkpoint:
        total = _read(upload)
        return Progress(
            checkpoint={"after": 0},
            done=0,
            total=total,
            result=ingest.funnel([]),
            is_over=total == 0,
        )
    rows = _rows(upload, job.checkpoint["after"])
    made = [each for row in rows for each in _made(upload, row)]
    _foresee(upload, made)
    UploadItem.objects.bulk_create([each.item for each in made])
    return _progress(job, rows, [each.item for each in made])


def store(job: Job, at: datetime) -> Progress:
    """Take some rows' events through the front door, and keep what became of each."""
    upload = _upload(import_job=job)
    rows = _rows(upload, job.checkpoint.get("after", 0))
    made = [each for row in rows for each in _made(upload, row)]
    _store(upload.file.source, made, at=at)
    UploadItem.objects.bulk_create(
        [each.item for each in made],
        update_conflicts=True,
        unique_fields=["upload", "row", "place"],
        update_fields=_SET_ASIDE,
    )
    nudge.after_commit("apply")
    total = job.total if job.total is not None else upload.rows.count()
    return _progress(job, rows, [each.item for each in made], total=total)


KINDS = {uploads.PREVIEW: preview, uploads.IMPORT: store}


def _upload(**job: Job) -> Upload:
    found = Upload.objects.select_related("file__source", "mapping").get(**job)
    if found.file.forgotten_at:
        raise CannotGoOn("The file's bytes are no longer kept. Upload it again.")
    return found


def _read(upload: Upload) -> int:
    """Read the file's rows into the database; says how many it has below the header."""
    options = upload.mapping.content
    try:
        found = tables.rows(uploads.content(upload.file), options)
        header = next(found, None)
        upload.header = [cells.as_text(cell) for cell in header.cells] if header else []
        mapping.check_columns(upload.header, options)
        total = _copy(upload, found)
    except (tables.BadFile, mapping.BadMapping, uploads.CannotImport, cells.Unfit) as refusal:
        raise CannotGoOn(str(refusal)) from refusal
    upload.save(update_fields=["header"])
    return total


def _copy(upload: Upload, rows: Iterator[tables.Row]) -> int:
    total = 0
    statement = "COPY reconciliation_uploadrow (upload_id, number, cells) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for total, row in enumerate(rows, start=1):  # noqa: B007 - counted for the caller
            copy.write_row((upload.pk, row.number, _written(row.cells)))
    return total


def _written(found: Sequence[Cell]) -> str:
    """Write cells as JSON; a NUL, which no database keeps, becomes a sign that says so."""
    return json.dumps(found).replace("\\u0000", "\\ufffd")


def _rows(upload: Upload, after: int) -> list[UploadRow]:
    return list(upload.rows.filter(number__gt=after).order_by("number")[:_ROWS])


def _made(upload: Upload, row: UploadRow) -> Iterator[_Made]:
    read = [cell if isinstance(cell, str) else Typed(*cell) for cell in row.cells]
    events = row_events.of_row(
        row=row.number, header=upload.header, cells=read, mapping=upload.mapping.content
    )
    for place, event in enumerate(events):
        data = event.envelope.get("data", {})
        item = UploadItem(
            upload=upload,
            row=row.number,
            place=place,
            type=str(event.envelope.get("type", ""))[:64],
            identity=str(event.envelope.get("id", "")),
            currency=str(data.get("currency", ""))[:3],
            amount_minor=next((data[name] for name in _AMOUNTS if name in data), None),
        )
        yield _Made(item, brought_records.message(row.number, row.cells, event))


def _foresee(upload: Upload, made: Sequence[_Made]) -> None:
    """Give each item the verdict that an import would: against what is known, and the file."""
    found = ingest.foresee(source=upload.file.source, messages=[each.message for each in made])
    first = _first_bodies(upload, {each.item.identity for each in made})
    for each, foreseen in zip(made, found, strict=True):
        item, verdict = each.item, foreseen.verdict
        item.digest = foreseen.digest
        if verdict is Verdict.NEW and item.identity in first:
            is_same = first[item.identity] == foreseen.digest
            verdict = Verdict.SEEN if is_same else Verdict.CONFLICT
        elif verdict is Verdict.NEW:
            first[item.identity] = foreseen.digest
        _judge(item, verdict, foreseen.problems)


def _first_bodies(upload: Upload, identities: set[str]) -> dict[str, bytes | None]:
    """Find what earlier rows of this file have said under these ids: the first one counts."""
    found = upload.items.filter(identity__in=identities, verdict=Verdict.NEW.value)
    return {item.identity: bytes(item.digest or b"") for item in found.only("identity", "digest")}


def _store(source: Source, made: Sequence[_Made], *, at: datetime) -> None:
    """Store events, and rejected ones too, unless the source has given too many of those lately.

    Such a row is still in the file and in the error file, with its reasons.
    """
    kept = [each for each in made if not each.message.problems]
    if not ingest.is_flooded(source=source, at=at):
        kept = list(made)
    receipts = ingest.store(source=source, messages=[each.message for each in kept], at=at)
    for each in made:
        _judge(each.item, Verdict.REJECTED, each.message.problems)
    for each, receipt in zip(kept, receipts, strict=True):
        _judge(each.item, receipt.verdict, receipt.problems)
        each.item.event_id = receipt.row_id
    _name_rejections(source, kept)


def _judge(item: UploadItem, verdict: Verdict, problems: Sequence[Problem]) -> None:
    said = [_TAKEN] if verdict is Verdict.CONFLICT else problems
    item.verdict = verdict.value
    item.problems = [problem._asdict() for problem in said]


def _name_rejections(source: Source, made: Sequence[_Made]) -> None:
    bad = [
        (each.item, sha256(each.message.raw).digest())
        for each in made
        if each.item.verdict == Verdict.REJECTED.value
    ]
    found = RejectedEvent.objects.filter(source=source, sha256__in=[digest for _, digest in bad])
    ids = {bytes(digest): pk for pk, digest in found.values_list("pk", "sha256")}
    for item, digest in bad:
        item.rejection_id = ids.get(digest)


def _progress(
    job: Job, rows: Sequence[UploadRow], items: Sequence[UploadItem], *, total: int | None = None
) -> Progress:
    """Add this step's verdicts to those of the steps before."""
    counts = dict(job.result) or ingest.funnel([])
    for item in items:
        counts[item.verdict] += 1
    counts["total"] = counts.get("total", 0) + len(items)
    return Progress(
        checkpoint={"after": rows[-1].number if rows else job.checkpoint.get("after", 0)},
        done=job.done + len(rows),
        total=job.total if total is None else total,
        failed=sum(counts[name] for name in _FAILED),
        result=counts,
        is_over=len(rows) < _ROWS,
    )

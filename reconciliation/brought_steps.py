"""Does the long work on an export that somebody brought: checks every record, then compares all.

A record that cannot be read would look like one that the source does not hold. So nothing is
compared before the whole file can be read, and everything that is wrong with it is said at once.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain, islice
from typing import Any, NamedTuple

from reconciliation import brought, brought_records, diff, nudge, uploads
from reconciliation.brought_records import Raw
from reconciliation.job_runner import CannotGoOn, Progress
from reconciliation.models import ColumnMapping, DiffWindow, ImportFile, Job, Source
from reconciliation.sources import canonical, mapping, tables
from reconciliation.sources.cells import Unfit
from reconciliation.validate import Message

MOST_RECORDS = 100_000  # so many are compared well within one step
ERRORS_KEPT = 100
_RECORDS = 2_000  # checked in one step
_COUNTS = ("matched", "different", "only_here", "only_there")
_UNREADABLE = (tables.BadFile, mapping.BadMapping, uploads.CannotImport, Unfit)


class Wrong(NamedTuple):
    """One thing that keeps a record from being compared."""

    place: str
    detail: str


def step(job: Job, at: datetime) -> Progress:
    """Count the records, check some of them a step, then compare them all in the last one."""
    file, by = _file(job)
    try:
        if "after" not in job.checkpoint:
            return _counted(file, by)
        if job.checkpoint["after"] < (job.total or 0):
            return _checked(job, file, by)
        return _compared(job, file, by, at=at)
    except _UNREADABLE as refusal:
        raise CannotGoOn(f"{refusal} Nothing was compared.") from refusal


KINDS = {brought.KIND: step}


def wrong_in(job: Job) -> Iterator[Wrong]:
    """Give everything that is wrong with the records of a job's file, reading it anew."""
    file, by = _file(job)
    wanted = brought.wanted_of(job)
    for raw in brought_records.records(file, by):
        for message in brought_records.messages(raw, by):
            yield from _wrong(raw, message, wanted)


def _file(job: Job) -> tuple[ImportFile, ColumnMapping | None]:
    file = ImportFile.objects.select_related("source").get(pk=job.parameters["file"])
    if file.forgotten_at:
        raise CannotGoOn("The file's bytes are no longer kept. Upload it again.")
    number = job.parameters["mapping"]
    return file, ColumnMapping.objects.get(pk=number) if number else None


def _counted(file: ImportFile, by: ColumnMapping | None) -> Progress:
    total = sum(1 for _ in islice(brought_records.records(file, by), MOST_RECORDS + 1))
    if total == 0:
        raise CannotGoOn("The file holds no records. Nothing was compared.")
    if total > MOST_RECORDS:
        raise CannotGoOn(
            f"The file holds more than {MOST_RECORDS:,} records. Nothing was compared."
            " Bring it in parts, each of a shorter time."
        )
    return Progress(checkpoint={"after": 0, "types": []}, done=0, total=total)


def _checked(job: Job, file: ImportFile, by: ColumnMapping | None) -> Progress:
    """Check some records; after the last one the job goes on only if none was wrong."""
    wanted, after = brought.wanted_of(job), job.checkpoint["after"]
    types, failed, count = set(job.checkpoint["types"]), job.failed, 0
    wrong: list[Wrong] = []
    for raw in islice(brought_records.records(file, by), after, after + _RECORDS):
        read = brought_records.messages(raw, by)
        types |= {str(each.envelope["type"]) for each in read if not each.problems}
        found = [each for message in read for each in _wrong(raw, message, wanted)]
        wrong, failed, count = wrong + found, failed + bool(found), count + 1
    kept = [*job.result.get("errors", []), *(each._asdict() for each in wrong)]
    return Progress(
        checkpoint={"after": after + count, "types": sorted(types)},
        done=after + count,
        total=job.total,
        failed=failed,
        result={"errors": kept[:ERRORS_KEPT]} if kept else {},
    )


def _wrong(raw: Raw, message: Message, wanted: brought.Wanted) -> Iterator[Wrong]:
    for problem in message.problems:
        yield Wrong(raw.place, f"{problem.pointer} {problem.detail}".strip())
    assert wanted.since
    assert wanted.until
    moment = message.occurred_at
    if moment and not wanted.since <= moment < wanted.until:
        said = f"{moment:%d %b %Y %H:%M:%S} UTC"
        yield Wrong(raw.place, f"It happened at {said}, outside the time to compare.")


def _compared(job: Job, file: ImportFile, by: ColumnMapping | None, *, at: datetime) -> Progress:
    if job.failed:
        raise CannotGoOn(_refusal(job))
    wanted, held = brought.wanted_of(job), set(job.checkpoint["types"])
    types = wanted.types or sorted(held & set(canonical.REFERENCE_FIELDS))
    if not types:
        raise CannotGoOn("No record in it has an outside reference to compare by.")
    read = (brought_records.messages(raw, by) for raw in brought_records.records(file, by))
    assert wanted.since
    assert wanted.until
    source = Source.objects.select_for_update(no_key=True).get(pk=file.source_id)
    try:
        window = diff.compare_with(
            source=source, messages=chain.from_iterable(read), since=wanted.since,
            until=wanted.until, types=types, at=at,
        )  # fmt: skip
    except diff.CannotCompare as refusal:
        raise CannotGoOn(f"{refusal} Nothing was compared.") from refusal
    nudge.after_commit("reconcile", "intake")
    return Progress(
        checkpoint=job.checkpoint,
        done=job.done,
        total=job.total,
        result=_result(window, types),
        is_over=True,
    )


def _refusal(job: Job) -> str:
    subject = "1 record is" if job.failed == 1 else f"{job.failed:,} records are"
    return (
        f"{subject} wrong, of {job.total:,}. Nothing was compared: a record that cannot be read"
        " would look like one that is missing. Put the file right and upload it again."
    )


def _result(window: DiffWindow, types: list[str]) -> Mapping[str, Any]:
    counts = {name: getattr(window, name) for name in _COUNTS}
    return {"window": window.pk, "types": types, **counts}

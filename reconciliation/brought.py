"""Takes full exports that people bring, and has each compared with what its source has told us."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from audit.record import record
from reconciliation import nudge
from reconciliation.importers import check_can_import, username
from reconciliation.models import ColumnMapping, DiffWindow, ImportFile, Job, Source
from reconciliation.sources import canonical

KIND = "compare_export"
_UNDER_WAY = (Job.State.QUEUED, Job.State.RUNNING)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How an export is to be compared; None is a moment that could not be read."""

    since: datetime | None
    until: datetime | None
    types: list[str] = field(default_factory=list)  # none named: those that the file holds


class CannotBring(Exception):
    """The export cannot be compared as asked; `problems` says all that is wrong, by field."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


def check(*, source: Source, wanted: Wanted, at: datetime) -> None:
    """Raise CannotBring if an export of this source cannot be compared so."""
    problems = _problems(wanted, at=at)
    if not problems and (other := _other_window(source, wanted)):
        problems["until"] = (
            f"A window from this moment is there already and ends {other.until:%d %b %Y %H:%M} UTC."
            " Choose that end, or another beginning."
        )
    if problems:
        raise CannotBring(problems)


@transaction.atomic
def begin(
    *, file: ImportFile, mapping: ColumnMapping | None, wanted: Wanted, by: User | None,
    at: datetime,
) -> Job:  # fmt: skip
    """Have a kept file compared in the background; gives the job there is, if it is under way.

    Raises NotAllowed, CannotBring.
    """
    check_can_import(by, file.source)
    check(source=file.source, wanted=wanted, at=at)
    Source.objects.select_for_update(no_key=True).get(pk=file.source_id)
    asked = _parameters(file, mapping, wanted)
    known = Job.objects.filter(kind=KIND, state__in=_UNDER_WAY, parameters__contains=asked).first()
    if known:
        return known
    record(
        stream="source",
        subject_id=file.source_id,
        action="diff.brought",
        actor=username(by),
        at=at,
        detail={"what": file.name, "sha256": bytes(file.sha256).hex(), **asked},
    )
    job = Job.objects.create(
        kind=KIND,
        title=f"Compare {file.name} with {file.source.name}"[:255],
        started_by=by,
        created_at=at,
    )
    job.parameters = {**asked, "export": job.pk}
    job.save(update_fields=["parameters"])
    nudge.after_commit("jobs")
    return job


def wanted_of(job: Job) -> Wanted:
    """Read back how a job is to compare."""
    since, until = (datetime.fromisoformat(job.parameters[name]) for name in ("since", "until"))
    return Wanted(since=since, until=until, types=list(job.parameters["types"]))


def _problems(wanted: Wanted, *, at: datetime) -> dict[str, str]:
    found = {}
    for name, moment in (("since", wanted.since), ("until", wanted.until)):
        if moment is None:
            found[name] = "Enter a day and a time such as 2026-03-02 00:00."
    if wanted.until and wanted.until > at:
        found["until"] = "This moment has not come yet: records of that time would still follow."
    if wanted.since and wanted.until and wanted.since >= wanted.until:
        found["since"] = "The first moment must lie before the last."
    if unknown := sorted(set(wanted.types) - set(canonical.REFERENCE_FIELDS)):
        found["types"] = f"{', '.join(unknown)} has no outside reference to compare by."
    return found


def _other_window(source: Source, wanted: Wanted) -> DiffWindow | None:
    """Find a window that begins where this one would and ends elsewhere."""
    assert wanted.since
    assert wanted.until
    known = DiffWindow.objects.filter(source=source, since=wanted.since)
    return known.exclude(until=wanted.until).first()


def _parameters(file: ImportFile, mapping: ColumnMapping | None, wanted: Wanted) -> dict[str, Any]:
    assert wanted.since
    assert wanted.until
    return {
        "source": file.source.slug,
        "file": file.pk,
        "mapping": mapping.pk if mapping else None,
        "since": wanted.since.isoformat(),
        "until": wanted.until.isoformat(),
        "types": sorted(wanted.types),
    }

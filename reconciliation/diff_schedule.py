"""Says how a source's own records are compared with what it has told us, and who may say so."""

from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import transaction

from audit.record import record
from reconciliation.models import DiffSchedule, Source
from reconciliation.sources import canonical

MANAGERS = frozenset({"Platform owner", "Admin"})
_MINUTE = 60
NEEDS = "Needs Platform owner."


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A schedule as asked for; its fields are those of `DiffSchedule`."""

    export_url: str
    types: list[str]
    every_seconds: int
    lag_seconds: int
    takes_in: bool
    is_on: bool = True


class NotAllowed(Exception):
    """This person may not change comparisons; the message may be shown."""


class CannotSchedule(Exception):
    """The schedule cannot be as asked; `problems` says all that is wrong, by field."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


def can_manage(user: User) -> bool:
    """Tell whether a person may schedule comparisons and have them made again."""
    return user.is_superuser or user.groups.filter(name__in=MANAGERS).exists()


def check_can_manage(user: User) -> None:
    """Make sure of it. Raises NotAllowed."""
    if not can_manage(user):
        raise NotAllowed(NEEDS)


@transaction.atomic
def schedule(*, source_slug: str, wanted: Wanted, by: User, at: datetime) -> DiffSchedule:
    """Set how a source's records are compared; the first window begins at `at`.

    Raises NotAllowed, Source.DoesNotExist, CannotSchedule.
    """
    check_can_manage(by)
    source = Source.objects.select_for_update(no_key=True).get(slug=source_slug)
    if problems := _problems(wanted):
        raise CannotSchedule(problems)
    found = DiffSchedule.objects.filter(source=source).first()
    changed = {
        name: [getattr(found, name, None), new]
        for name, new in asdict(wanted).items()
        if getattr(found, name, None) != new
    }
    record(
        stream="source",
        subject_id=source.pk,
        action="diff.scheduled",
        actor=by.get_username(),
        at=at,
        detail=changed,
    )
    found = found or DiffSchedule(source=source, starts_at=at)
    for name, (_, new) in changed.items():
        setattr(found, name, new)
    found.save()
    return found


def _problems(wanted: Wanted) -> dict[str, str]:
    """Say all that is wrong with a schedule, by field."""
    found = {}
    parts = urlsplit(wanted.export_url)
    if not (parts.scheme in {"http", "https"} and parts.hostname):
        found["export_url"] = "Enter a full address such as https://billing.example/export."
    if not wanted.types:
        found["types"] = "Choose at least one type of record."
    elif unknown := sorted(set(wanted.types) - set(canonical.REFERENCE_FIELDS)):
        found["types"] = f"{', '.join(unknown)} has no outside reference to compare by."
    if wanted.every_seconds < _MINUTE:
        found["every"] = "A window is a minute long at least."
    if wanted.lag_seconds < 0:
        found["lag"] = "Enter zero or more."
    return found

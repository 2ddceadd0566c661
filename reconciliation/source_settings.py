"""What people change about a source: its settings, its secrets, and whether it is listened to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.http import urlencode

from audit.record import record
from reconciliation import breaker, connect
from reconciliation.meanwhile import overtaken
from reconciliation.models import Source, SourceSecret, Team
from reconciliation.sources import canonical, format_of, keys

MANAGERS = frozenset({"Platform owner", "Admin"})
MOST_SECRETS = 2
OVERLAPS = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7)}
_INTERNAL = "internal"
_LONGEST_NAME, _LONGEST_URL = 64, 200
_MINUTE, _HOUR = 60, 3_600
# field of the form, column, seconds in its unit, the most of it: a year
_LENGTHS = (
    ("expected_minutes", "expected_gap_seconds", _MINUTE, 366 * 24 * 60),
    ("dedupe_hours", "dedupe_window_seconds", _HOUR, 366 * 24),
    ("parks_hours", "parks_for_seconds", _HOUR, 366 * 24),
)


class NotAllowed(Exception):
    """This person may not manage sources; the message may be shown to them."""


class CannotChange(Exception):
    """Nothing was changed; `problems` says why, by the form's field ("" for the whole)."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


class ChangedMeanwhile(Exception):
    """Somebody else has changed the source since the form was opened."""


@dataclass(frozen=True)
class Wanted:
    """A source's settings as a form has them: text, not yet judged."""

    name: str
    kind: str
    team: str  # its slug
    truth_for: str  # event types or their beginnings, parted by spaces or commas
    expected_minutes: str  # empty: learnt from its own weeks
    dedupe_hours: str
    parks_hours: str
    writeback_url: str


def settings_of(source: Source) -> Wanted:
    """Write a source's settings as a form has them; what is not whole is rounded up."""
    gap = source.expected_gap_seconds
    return Wanted(
        name=source.name,
        kind=source.kind,
        team=source.owner_team.slug,
        truth_for=" ".join(source.truth_for),
        expected_minutes="" if gap is None else str(-(-gap // _MINUTE)),
        dedupe_hours=str(-(-source.dedupe_window_seconds // _HOUR)),
        parks_hours=str(-(-source.parks_for_seconds // _HOUR)),
        writeback_url=source.writeback_url,
    )


@dataclass
class _Read:
    """What was read off a form, and what could not be."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def refusal_to_manage(user: User) -> str:
    """Say why `user` may not manage sources; "" if they may."""
    if user.is_superuser or user.groups.filter(name__in=MANAGERS).exists():
        return ""
    return "Needs Platform owner or Admin."


def version_of(source: Source) -> int:
    """Give the number of a source's newest history row: what a form was opened on."""
    newest = source.history.order_by("-history_id").values_list("history_id", flat=True).first()
    return int(newest or 0)


@transaction.atomic
def change(*, slug: str, version: int, wanted: Wanted, by: User, at: datetime) -> Source:
    """Change a source's settings, all or none.

    Raises NotAllowed, ChangedMeanwhile, CannotChange with every problem, Source.DoesNotExist.
    """
    source = _locked(slug, by=by)
    if version != version_of(source):
        raise ChangedMeanwhile(_who_was_faster(source, version=version))
    values = _values(source, wanted)
    changes = {
        name: [_shown(getattr(source, name)), _shown(value)]
        for name, value in values.items()
        if getattr(source, name) != value
    }
    if changes:
        _record(source, "source.changed", by=by, at=at, detail={"changes": changes})
        for name, value in values.items():
            setattr(source, name, value)
        source.save()
    return source


def _who_was_faster(source: Source, *, version: int) -> str:
    """Say who changed what of a source after a form was opened on it, and when."""
    newest = source.history.order_by("-history_id").first()
    known = source.history.filter(history_id=version).first()
    who = newest.history_user if newest else None
    name = (who.get_full_name() or who.get_username()) if who else "Somebody"
    fields = newest.diff_against(known).changed_fields if newest and known else []
    what = ", ".join(field.replace("_", " ") for field in fields) or "it"
    at = newest.history_date if newest else None
    return overtaken(who=name, what=f"changed {what}", at=at)


@transaction.atomic
def pause(*, slug: str, by: User, at: datetime) -> Source:
    """Stop listening to a source: what it sends is refused with 503, so that it sends it again.

    Raises NotAllowed, CannotChange, Source.DoesNotExist.
    """
    source = _locked(slug, by=by)
    if source.is_paused:
        raise CannotChange({"": f"{source.name} is paused already."})
    _record(source, "source.paused", by=by, at=at)
    source.is_paused = True
    source.save()
    return source


@transaction.atomic
def resume(*, slug: str, by: User, at: datetime) -> Source:
    """Listen to a source again; silence counts from now.

    Raises NotAllowed, CannotChange, Source.DoesNotExist.
    """
    source = _locked(slug, by=by)
    if not source.is_paused:
        raise CannotChange({"": f"{source.name} is not paused."})
    _record(source, "source.resumed", by=by, at=at)
    source.is_paused = False
    source.listening_since = at
    source.save()
    return source


@transaction.atomic
def call_again(*, slug: str, by: User, at: datetime) -> Source:
    """Call a target at once that could not be reached and is left alone for a while.

    Raises NotAllowed, CannotChange, Source.DoesNotExist.
    """
    source = _locked(slug, by=by)
    _record(source, "source.called_again", by=by, at=at)
    if not breaker.end_rest(target_id=source.pk, at=at):
        raise CannotChange({"": f"{source.name} is called as usual: it answered meanwhile."})
    return source


@transaction.atomic
def rotate_secret(*, slug: str, overlap: str, given: str, by: User, at: datetime) -> str:
    """Add a secret, and retire the one there is after `overlap`; gives the new one to show once.

    A system with a format of its own makes its secrets itself: it is `given`, and "" is returned.
    Raises NotAllowed, CannotChange, Source.DoesNotExist.
    """
    source = _locked(slug, by=by)
    if overlap not in OVERLAPS:
        raise CannotChange({"overlap": f"The overlap is one of {', '.join(OVERLAPS)}."})
    active = list(keys.active_secrets(source_id=source.pk))
    if len(active) >= MOST_SECRETS:
        raise CannotChange({"": "Two secrets are valid already. Retire the older one first."})
    secret = _add_secret(source, given, at=at)
    retires_at = at + OVERLAPS[overlap]
    for old in active:
        old.retired_at = retires_at
        old.save(update_fields=["retired_at"])
    detail = {"retires": [old.pk for old in active], "retires_at": retires_at.isoformat()}
    _record(source, "source.secret_added", by=by, at=at, detail=detail)
    return secret


@transaction.atomic
def retire_secret(*, slug: str, secret_id: int, by: User, at: datetime) -> None:
    """Let a secret sign no more, from now on; never the last one.

    Raises NotAllowed, CannotChange, Source.DoesNotExist, SourceSecret.DoesNotExist.
    """
    source = _locked(slug, by=by)
    active = {each.pk: each for each in keys.active_secrets(source_id=source.pk)}
    if secret_id not in active:
        raise SourceSecret.DoesNotExist
    if len(active) == 1:
        raise CannotChange({"": "This is the only secret. Add a new one first."})
    _record(source, "source.secret_retired", by=by, at=at, detail={"secret": secret_id})
    active[secret_id].retired_at = at
    active[secret_id].save(update_fields=["retired_at"])


def connect_source(
    *, given: Mapping[str, str], format_name: str, by: User, at: datetime
) -> tuple[str, str]:
    """Connect a source as a form has it; gives its slug and the secret to show once.

    Raises NotAllowed, CannotChange.
    """
    if refusal := refusal_to_manage(by):
        raise NotAllowed(refusal)
    said = {"slug": given["slug"].strip(), "name": given["name"].strip()}
    said |= {"team_slug": given["team"], "by": by.get_username()}
    try:
        if format_of(format_name).is_secret_ours:
            url = given["writeback_url"].strip()
            secret = connect.connect(**said, kind=given["kind"], writeback_url=url, at=at)
        else:
            secret = ""
            connect.connect_native(**said, format_name=format_name, secret=given["secret"], at=at)
    except connect.CannotConnect as refused:
        raise CannotChange({"": str(refused)}) from refused
    return said["slug"], secret


def address_of(source: Source) -> str:
    """Give the address of a source's page."""
    return f"/sources/{source.slug}/"


def events_href(source: Source | str, *, view: str = "", **conditions: str) -> str:
    """Give the address of the list of what a source has said, narrowed by fields."""
    slug = source if isinstance(source, str) else source.slug
    asked = [("view", view)] if view else []
    asked += [("f", f"source:is:{slug}")]
    asked += [("f", f"{name}:{value}") for name, value in conditions.items()]
    return f"/events/?{urlencode(asked)}"


def _locked(slug: str, *, by: User) -> Source:
    if refusal := refusal_to_manage(by):
        raise NotAllowed(refusal)
    outside = Source.objects.exclude(kind=_INTERNAL)
    return outside.select_for_update(no_key=True, of=("self",)).get(slug=slug)


def _record(
    source: Source, action: str, *, by: User, at: datetime, detail: dict[str, Any] | None = None
) -> None:
    record(
        stream="source",
        subject_id=source.pk,
        action=action,
        actor=by.get_username(),
        at=at,
        detail=detail,
    )


def _add_secret(source: Source, given: str, *, at: datetime) -> str:
    if format_of(source.signing_scheme).is_secret_ours:
        return keys.add(source=source, at=at)
    try:
        keys.add_given(source=source, secret=connect.checked_secret(given), at=at)
    except connect.CannotConnect as refused:
        raise CannotChange({"secret": str(refused)}) from refused
    return ""


def _values(source: Source, wanted: Wanted) -> dict[str, Any]:
    """Judge every field; raises CannotChange with all that is wrong."""
    read = _Read()
    _read_name(read, source, wanted.name.strip())
    if wanted.kind not in connect.TRUTH_BY_KIND:
        read.problems["kind"] = f"The kind is one of {', '.join(sorted(connect.TRUTH_BY_KIND))}."
    read.values["kind"] = wanted.kind
    team = Team.objects.filter(slug=wanted.team).first()
    if team is None:
        read.problems["team"] = "There is no such team."
    read.values["owner_team"] = team
    _read_truth(read, wanted.truth_for)
    known = settings_of(source)
    for name, column, unit, most in _LENGTHS:
        text = getattr(wanted, name).strip()
        if text == getattr(known, name):  # what nobody touched stays, to the second
            read.values[column] = getattr(source, column)
        elif text or name != "expected_minutes":
            _read_length(read, name, text, most=most)
            read.values[column] = read.values.pop(name, 0) * unit
        else:
            read.values[column] = None
    _read_url(read, wanted.writeback_url.strip())
    if read.problems:
        raise CannotChange(read.problems)
    return read.values


def _read_name(read: _Read, source: Source, name: str) -> None:
    read.values["name"] = name
    if not 0 < len(name) <= _LONGEST_NAME:
        read.problems["name"] = f"The name has 1 to {_LONGEST_NAME} characters."
    elif Source.objects.filter(name=name).exclude(pk=source.pk).exists():
        read.problems["name"] = f"Another source is named {name}."


def _read_truth(read: _Read, text: str) -> None:
    wanted = list(dict.fromkeys(text.replace(",", " ").split()))
    unknown = [
        each for each in wanted if not any(type_.startswith(each) for type_ in canonical.types())
    ]
    if unknown:
        read.problems["truth_for"] = f"No type begins with {', '.join(unknown)}."
    read.values["truth_for"] = wanted


def _read_length(read: _Read, name: str, text: str, *, most: int) -> None:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if is_number and 0 < int(text) <= most:
        read.values[name] = int(text)
    else:
        read.problems[name] = f"This needs a whole number from 1 to {most:,}."


def _read_url(read: _Read, url: str) -> None:
    read.values["writeback_url"] = url
    try:
        connect.check_writeback_url(url)
    except connect.CannotConnect as refused:
        read.problems["writeback_url"] = str(refused)
    if len(url) > _LONGEST_URL:
        read.problems["writeback_url"] = f"The address has {_LONGEST_URL} characters at most."


def _shown(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    return value.slug if isinstance(value, Team) else value

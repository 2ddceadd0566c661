"""Reads what comparisons with sources' own records have found, for pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.contrib.auth.models import User

from reconciliation.diff_schedule import NEEDS, can_manage
from reconciliation.models import DiffFinding, DiffSchedule, DiffWindow, Source
from reconciliation.money import as_text

PAGE_SIZE = 50
_MOST_SHOWN = 200
_WORDS = {
    DiffWindow.State.DUE: ("Waits to be compared", "none"),
    DiffWindow.State.RUNNING: ("Being compared", "info"),
    DiffWindow.State.FAILED: ("Could not be compared", "bad"),
}
_KINDS = (
    ("DIFFERENT", "Different", "Both sides hold it, and not alike."),
    ("ONLY_THERE", "Only in the source", "It was never told to us."),
    ("ONLY_HERE", "Only here", "The source does not hold it, though it told us so."),
)


@dataclass(frozen=True)
class WindowRow:
    """One stretch of time that was compared, or will be."""

    window: DiffWindow
    word: str
    tone: str
    apart: int


@dataclass(frozen=True)
class Apart:
    """One record that is apart, and in what: name, here, there."""

    finding: DiffFinding
    fields: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Found:
    """Records of one kind that are apart now."""

    name: str
    says: str
    count: int
    records: Sequence[Apart]


@dataclass(frozen=True)
class ScheduleRow:
    """One source, and how it is compared."""

    source: Source
    schedule: DiffSchedule | None
    apart: int
    last_at: datetime | None


def windows(
    *, source_slug: str = "", older_than: int | None = None
) -> tuple[list[WindowRow], int | None]:
    """Give windows, the newest first, and the id to go on from, if there are older ones."""
    found = DiffWindow.objects.select_related("source").order_by("-pk")
    if source_slug:
        found = found.filter(source__slug=source_slug)
    if older_than is not None:
        found = found.filter(pk__lt=older_than)
    rows = list(found[: PAGE_SIZE + 1])
    more = rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None
    return [row(window) for window in rows[:PAGE_SIZE]], more


def row(window: DiffWindow) -> WindowRow:
    """Say how one window stands."""
    apart = window.different + window.only_here + window.only_there
    done = (f"{apart:,} apart", "warn") if apart else ("Agrees", "ok")
    word, tone = _WORDS.get(DiffWindow.State(window.state), done)
    return WindowRow(window, word, tone, apart)


def found_in(*, window: DiffWindow) -> list[Found]:
    """Give what is apart in one window, by kind, the largest amounts first."""
    still = DiffFinding.objects.filter(window=window, cleared_at__isnull=True)
    by_kind = [
        (
            name,
            says,
            still.filter(kind=kind).select_related("order").order_by("-amount_minor", "pk"),
        )
        for kind, name, says in _KINDS
    ]
    return [
        Found(
            name,
            says,
            findings.count(),
            [Apart(each, _fields(each)) for each in findings[:_MOST_SHOWN]],
        )
        for name, says, findings in by_kind
        if findings
    ]


def _fields(finding: DiffFinding) -> list[tuple[str, str, str]]:
    """Say in words what the two sides hold differently, money as money."""
    return [
        (
            name.removesuffix("_minor").replace("_", " ").capitalize(),
            *(_said(name, side, finding.currency) for side in sides),
        )
        for name, sides in finding.differences.items()
    ]


def _said(name: str, value: object, currency: str) -> str:
    if name.endswith("_minor") and isinstance(value, int) and currency:
        return as_text(value, currency)
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def schedules() -> list[ScheduleRow]:
    """Give every outside source and how it is compared, those that are compared first."""
    known = {each.source_id: each for each in DiffSchedule.objects.all()}
    rows = [
        ScheduleRow(
            source,
            known.get(source.pk),
            DiffFinding.objects.filter(source=source, cleared_at__isnull=True)[:1_001].count(),
            DiffWindow.objects.filter(source=source)
            .order_by("-finished_at")
            .values_list("finished_at", flat=True)
            .exclude(finished_at=None)
            .first(),
        )
        for source in Source.objects.exclude(kind="internal").order_by("name")
    ]
    return sorted(rows, key=lambda each: (each.schedule is None, each.source.name))


def refusal(user: User) -> str:
    """Say why this person may not change comparisons; empty: they may."""
    return "" if can_manage(user) else NEEDS


def fields_of(schedule: DiffSchedule | None) -> dict[str, Any]:
    """Give what a form shows of a schedule, or of a new one."""
    if schedule is None:
        return {"every": 1440, "lag": 60, "types": [], "takes_in": True, "is_on": True}
    return {
        "export_url": schedule.export_url,
        "every": schedule.every_seconds // 60,
        "lag": schedule.lag_seconds // 60,
        "types": schedule.types,
        "takes_in": schedule.takes_in,
        "is_on": schedule.is_on,
    }

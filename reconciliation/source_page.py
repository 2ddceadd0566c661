"""Tells how sources are set up and how they flow: all in a list, and one in full."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from audit.presenters import Line, lines
from audit.queries import trail
from reconciliation import flow_chart, rhythm, silence, sql
from reconciliation.flow_chart import Hour
from reconciliation.models import ColumnMapping, Source
from reconciliation.silent import CHECK
from reconciliation.source_settings import events_href, refusal_to_manage, version_of
from reconciliation.sources import format_of, keys

HOURS = 48
_CHANGES_SHOWN = 20
_DAY_SECONDS, _HOUR_SECONDS, _MINUTE_SECONDS = 86_400, 3_600, 60


@dataclass(frozen=True)
class Number:
    """One number about a source, and the list that it counts; no list, no address."""

    name: str
    text: str
    href: str = ""
    note: str = ""


@dataclass(frozen=True)
class SourceRow:
    """One source and how it flows."""

    source: Source
    href: str
    format: str
    word: str
    tone: str
    heard_at: datetime | None
    numbers: Mapping[str, Number]


@dataclass(frozen=True)
class SecretRow:
    """One secret that signs now; what it is, nobody is shown."""

    id: int
    created_at: datetime
    retires_at: datetime | None


@dataclass(frozen=True)
class SourceDetail:
    """One source in full."""

    row: SourceRow
    version: int
    refusal: str  # why this person may not manage it; "" if they may
    rhythm: str
    chart: Any
    hours: list[Hour]
    secrets: list[SecretRow]
    is_secret_ours: bool
    mappings: list[ColumnMapping]
    changes: list[Line]


def source_rows(*, at: datetime, slug: str = "") -> list[SourceRow]:
    """List the outside sources by name, or the one of this slug."""
    sources = Source.objects.select_related("owner_team").in_bulk()
    with connection.cursor() as cursor:
        cursor.execute(sql.load("source_flow"), {"at": at, "slug": slug, "check": CHECK})
        names = [column.name for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [_row(sources[flow["source_id"]], flow, at=at) for flow in found]


def source_detail(*, slug: str, user: User, at: datetime) -> SourceDetail:
    """Give one source; raises Source.DoesNotExist."""
    rows = source_rows(at=at, slug=slug) if slug else []
    if not rows:
        raise Source.DoesNotExist
    (row,) = rows
    hours = _hours(row.source, at=at)
    newest = list(trail(stream="source", subject_id=row.source.pk).order_by("-sequence"))
    mappings = ColumnMapping.objects.filter(source=row.source).order_by("name", "-version")
    return SourceDetail(
        row=row,
        version=version_of(row.source),
        refusal=refusal_to_manage(user),
        rhythm=_rhythm(row.source, at=at),
        chart=flow_chart.draw(hours, name=row.source.name),
        hours=hours,
        secrets=[
            SecretRow(each.pk, each.created_at, each.retired_at)
            for each in keys.active_secrets(source_id=row.source.pk)
        ],
        is_secret_ours=format_of(row.source.signing_scheme).is_secret_ours,
        mappings=list(mappings.distinct("name")),
        changes=lines(newest[:_CHANGES_SHOWN]),
    )


def duration(seconds: float) -> str:
    """Say a span in its largest unit: "0.4 s", "41 min", "5 h", "3 d"."""
    for unit, size in (("d", _DAY_SECONDS), ("h", _HOUR_SECONDS), ("min", _MINUTE_SECONDS)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if 0 < seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - below, a tenth says something


def _row(source: Source, flow: Mapping[str, Any], *, at: datetime) -> SourceRow:
    word, tone = _word(source, flow)
    lately = (at - timedelta(days=1)).astimezone(UTC).isoformat()
    since = {"received_at": f"at_least:{lately}"}
    an_hour_ago = (at - timedelta(hours=1)).astimezone(UTC).isoformat()
    lag = flow["lag_median"]
    numbers = (
        _counted("Events, 1 h", flow["events_hour"],
                 events_href(source, received_at=f"at_least:{an_hour_ago}")),
        _counted("Events, 24 h", flow["events_day"], events_href(source, **since)),
        _counted("Rejected, 24 h", flow["rejected_day"],
                 events_href(source, view="rejected", **since)),
        _counted("Other bodies, 24 h", flow["conflicts_day"],
                 events_href(source, view="conflicts", **since)),
        _counted("Duplicates, 24 h", flow["duplicates_day"],
                 events_href(source, status="is:DUPLICATE", **since)),
        _counted("Parked", flow["parked"], events_href(source, status="is:PARKED")),
        _counted("Could not be applied", flow["quarantined"],
                 events_href(source, status="is:QUARANTINED")),
        Number("Received to applied", "—" if lag is None else duration(lag),
               note="" if lag is None else f"half of them; {duration(flow['lag_most'])} at most"),
    )  # fmt: skip
    keys_of = ("hour", "day", "rejected", "conflicts", "duplicates", "parked", "stuck", "lag")
    return SourceRow(
        source=source,
        href=f"/sources/{source.slug}/",
        format=format_of(source.signing_scheme).label,
        word=word,
        tone=tone,
        heard_at=flow["heard_at"],
        numbers=dict(zip(keys_of, numbers, strict=True)),
    )


def _counted(name: str, number: int, href: str) -> Number:
    return Number(name, f"{number:,}", href)


def _word(source: Source, flow: Mapping[str, Any]) -> tuple[str, str]:
    if source.is_paused:
        return "Paused", "pause"
    if flow["is_silent"]:
        return "Silent", "bad"
    if flow["heard_at"] is None:
        return "Nothing heard yet", "none"
    return "Flowing", "ok"


def _rhythm(source: Source, *, at: datetime) -> str:
    """Say what is expected of a source, and where that is from."""
    if source.expected_gap_seconds is not None:
        return f"Something every {duration(source.expected_gap_seconds)}, as stated"
    known = silence.learnt_rhythm(source_id=source.pk)
    if known is None:
        return "Not known yet: it takes three weeks to learn"
    hour = rhythm.expected(known, since=at, until=at + timedelta(hours=1))
    week = sum(known.per_hour)
    return (
        f"Learnt from {known.weeks} weeks: about {week:,.0f} signs of life a week,"
        f" {hour:,.1f} in the coming hour"
    )


def _hours(source: Source, *, at: datetime) -> list[Hour]:
    with connection.cursor() as cursor:
        cursor.execute(sql.load("source_hours"), {"source_id": source.pk, "at": at, "hours": HOURS})
        found = cursor.fetchall()
    return [Hour(hour, events, rejected, _href(source, hour)) for hour, events, rejected in found]


def _href(source: Source, hour: datetime) -> str:
    begins = hour.astimezone(UTC)
    ends = begins + timedelta(hours=1) - timedelta(microseconds=1)
    both = events_href(source, received_at=f"at_least:{begins.isoformat()}")
    return f"{both}&f=received_at%3Aat_most%3A{ends:%Y-%m-%dT%H:%M:%S.%f}%2B00:00"

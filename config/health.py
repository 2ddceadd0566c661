"""Tells how the product is: its sources, its own processes, and the silence in between."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config import invariants
from reconciliation import breaker
from reconciliation.models import DiffWindow, Heartbeat, Installation, RulebookVersion, Run, Stumble
from reconciliation.silent import CHECK

SILENT_AFTER = timedelta(seconds=60)
_UNHEARD_OF = timedelta(minutes=3)  # findings older than this say nothing any more
_DAY = timedelta(days=1)
_NIGHTLY_AT_LEAST = timedelta(hours=36)
_COMPARED_WITHIN = timedelta(minutes=30)
_REJECTING_SHARE = 0.2
_SQL = Path(__file__).resolve().parent / "sql"
# Component of a heartbeat → what it is called; all of them are expected to live.
PROCESSES: Mapping[str, str] = {
    "worker": "Workers",
    "beat": "Timetable",
    "loop:seal": "Sealer of the audit trail",
    "loop:escalate": "Escalation",
    "loop:watch": "Watchdog",
}


@dataclass(frozen=True)
class SourceHealth:
    """One source: how it flows, in one word, and what that word rests on."""

    name: str
    slug: str
    word: str
    tone: str  # ok, warn, bad, pause, none
    last_at: datetime | None
    last_words: str
    events_hour: int
    rejected: int
    duplicates: int
    parked: int
    writes: int


@dataclass(frozen=True)
class Fact:
    """One named thing and how it is."""

    name: str
    words: str
    tone: str = "none"
    href: str = ""


@dataclass(frozen=True)
class Health:
    """All of it, and one sentence on top."""

    sentence: str
    more: str
    tone: str
    problems: tuple[str, ...]
    sources: tuple[SourceHealth, ...]
    left_alone: tuple[breaker.LeftAlone, ...]
    processes: tuple[Fact, ...]
    queues: tuple[Fact, ...]
    checks: tuple[Fact, ...]
    deploy: tuple[Fact, ...]


def read(*, at: datetime, true_at: datetime) -> Health:
    """Look at everything as of `at`; processes live by the true clock."""
    sources = _sources(at=at)
    processes = _processes(true_at=true_at)
    left_alone = tuple(breaker.left_alone())
    checks, nets = _checks(true_at=true_at), _nets(at=at, true_at=true_at)
    problems = (
        *(_source_sentence(source) for source in sources if source.tone in ("bad", "warn")),
        *(f"{each.name} cannot be reached since {each.since:%-d %b %H:%M}." for each in left_alone),
        *(f"{fact.name}: {fact.words}." for fact in processes if fact.tone == "bad"),
        *(fact.words for fact in checks if fact.tone == "bad"),
        *(f"{fact.name}: {fact.words.lower()}." for fact in nets if fact.tone == "bad"),
    )
    sentence, more = _summary(problems, sources)
    return Health(
        sentence=sentence,
        more=more,
        tone="warn" if problems else "ok" if sources else "none",
        problems=problems,
        sources=sources,
        left_alone=left_alone,
        processes=processes,
        queues=_queues(at=at, true_at=true_at),
        checks=(*checks, *nets),
        deploy=_deploy(),
    )


def known_problems() -> int:
    """Count what the watchdog found last; cheap enough for every page."""
    found = Heartbeat.objects.filter(component="loop:watch").values_list("details", flat=True)
    return len((found.first() or {}).get("problems", []))


def ago(then: datetime | None, at: datetime) -> str:
    """Say how long ago a moment was: "12 s ago", "41 min ago"."""
    return f"{duration(at - then)} ago" if then else "never"


def duration(span: timedelta) -> str:
    """Say a span in its largest unit: "12 s", "41 min", "5 h", "3 d"."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _sources(*, at: datetime) -> tuple[SourceHealth, ...]:
    return tuple(_source(row, at=at) for row in _rows("health_sources", {"at": at, "check": CHECK}))


def _source(row: Mapping[str, Any], *, at: datetime) -> SourceHealth:
    word, tone = _word(row, at=at)
    expected = row["expected_gap_seconds"]
    last_words = ago(row["last_at"], at) if row["last_at"] else "nothing heard yet"
    if expected and tone in ("warn", "bad") and word in ("Silent", "Quiet", "Late"):
        last_words += f", expected every {duration(timedelta(seconds=expected))}"
    return SourceHealth(
        name=row["name"],
        slug=row["slug"],
        word=word,
        tone=tone,
        last_at=row["last_at"],
        last_words=last_words,
        events_hour=row["events_hour"],
        rejected=row["rejected_day"],
        duplicates=row["duplicates_day"],
        parked=row["parked"],
        writes=row["writes_waiting"],
    )


def _word(row: Mapping[str, Any], *, at: datetime) -> tuple[str, str]:
    """Say how a source flows, and how bad that is; what nobody knows is never green."""
    heard = row["events_hour"] + row["rejected_hour"]
    silence = at - row["last_at"] if row["last_at"] else timedelta()
    gap = timedelta(seconds=row["expected_gap_seconds"] or _DAY.total_seconds())
    words = (
        (row["is_paused"], "Paused", "pause"),
        (row["is_silent"], "Silent", "bad"),
        (row["rejected_hour"] > _REJECTING_SHARE * heard, "Rejecting", "bad"),
        (row["writes_failed"] > 0, "Writes failing", "bad"),
        (row["last_at"] is None, "No data", "none"),
        (silence > 2 * gap, "Late", "bad"),
        (silence > gap, "Quiet", "warn"),
    )
    return next(((word, tone) for holds, word, tone in words if holds), ("Flowing", "ok"))


def _source_sentence(source: SourceHealth) -> str:
    details = {
        "Rejecting": f"{source.rejected:,} of its messages were rejected in a day.",
        "Writes failing": f"{source.writes:,} write-backs wait for it.",
    }
    said = details.get(source.word, f"Its last event came {source.last_words}.")
    return f"{source.name}: {source.word.lower()}. {said}"


def _processes(*, true_at: datetime) -> tuple[Fact, ...]:
    beats = dict(Heartbeat.objects.filter(component__in=PROCESSES).values_list("component", "at"))
    return tuple(
        _process(name, beats.get(component), true_at=true_at)
        for component, name in PROCESSES.items()
    )


def _process(name: str, beat: datetime | None, *, true_at: datetime) -> Fact:
    if beat is None:
        return Fact(name, "No sign of life yet", "bad")
    if true_at - beat > SILENT_AFTER:
        return Fact(name, f"Silent, last heard {ago(beat, true_at)}", "bad")
    return Fact(name, f"Alive, {ago(beat, true_at)}", "ok")


def _queues(*, at: datetime, true_at: datetime) -> tuple[Fact, ...]:
    (row,) = _rows("health_queues", {"at": at})
    waiting = (
        ("Events to apply", "to_apply", true_at, ""),
        ("Orders to check", "to_judge", at, ""),
        ("Write-backs to deliver", "to_send", at, ""),
        ("Messages to send", "to_tell", at, ""),
    )
    facts = [
        Fact(name, _waiting(row[key], row[f"{key}_since"], now), href=href)
        for name, key, now, href in waiting
    ]
    stuck = Fact("Set aside for a person", f"{row['quarantined']:,}", href="/exceptions/?f=")
    return (*facts, stuck)


def _waiting(number: int, oldest: datetime | None, now: datetime) -> str:
    return f"{number:,}, oldest {ago(oldest, now)}" if number else "0"


def _checks(*, true_at: datetime) -> tuple[Fact, ...]:
    findings, checked_at = invariants.last_findings()
    known = {finding.name: finding for finding in findings}
    is_old = checked_at is None or true_at - checked_at > _UNHEARD_OF
    facts = []
    for name, invariant in invariants.INVARIANTS.items():
        finding = known.get(name)
        if is_old or finding is None:
            since = f" since {ago(checked_at, true_at)}" if checked_at else ""
            facts.append(Fact(invariant.holds, f"Not checked{since}", "none"))
        elif finding.holds:
            facts.append(Fact(invariant.holds, "Holds", "ok"))
        else:
            facts.append(Fact(invariant.holds, finding.sentence, "bad"))
    return tuple(facts)


def _nets(*, at: datetime, true_at: datetime) -> tuple[Fact, ...]:
    """Tell of what catches what everything else has missed."""
    return (_stumbles(true_at=true_at), _full_pass(at=at), _comparisons(at=at))


def _stumbles(*, true_at: datetime) -> Fact:
    name = "Every stage does what it is due to do"
    found = Stumble.objects.filter(last_at__gt=true_at - _UNHEARD_OF).order_by("since")
    count, first = found.count(), found.first()
    if first is None:
        return Fact(name, "Holds", "ok")
    words = f"{count:,} fail and are tried again; the longest is {first.stage} {first.row_id}"
    return Fact(name, words, "bad")


def _full_pass(*, at: datetime) -> Fact:
    name = "The nightly pass finds nothing new"
    last = Run.objects.filter(scope="all").order_by("-pk").first()
    if last is None:
        return Fact(name, "Not made yet", "none", href="/jobs/")
    when, news = ago(last.at, at), last.opened + last.cleared
    if at - last.at > _NIGHTLY_AT_LEAST:
        return Fact(name, f"Late, the last was {when}", "bad", href="/jobs/")
    if news:
        said = f"Opened {last.opened:,}, cleared {last.cleared:,}, {when}"
        return Fact(name, said, "warn", href="/jobs/")
    return Fact(name, f"Holds, {when}", "ok", href="/jobs/")


def _comparisons(*, at: datetime) -> Fact:
    name = "Every comparison with a source's records was made"
    failed = DiffWindow.objects.filter(state=DiffWindow.State.FAILED).count()
    late = DiffWindow.objects.filter(
        state=DiffWindow.State.DUE, next_attempt_at__lte=at - _COMPARED_WITHIN
    ).count()
    if failed or late:
        return Fact(name, f"{failed:,} given up, {late:,} late", "bad", href="/comparisons/")
    is_any = DiffWindow.objects.exists()
    words, tone = ("Holds", "ok") if is_any else ("None is set up", "none")
    return Fact(name, words, tone, href="/comparisons/")


def _deploy() -> tuple[Fact, ...]:
    live = RulebookVersion.objects.filter(state=RulebookVersion.State.LIVE).first()
    pending = len(_pending_migrations())
    kind = "Demo" if Installation.objects.filter(is_demo=True).exists() else "Own data"
    rules = f"v{live.number}, live since {live.published_at:%-d %b}" if live else "None is live"
    return (
        Fact("Version", version()),
        Fact("Rulebook", rules, "none" if live else "bad"),
        Fact(
            "Migrations",
            f"{pending} to apply: run manage.py migrate" if pending else "All applied",
            "bad" if pending else "ok",
        ),
        Fact("Installation", kind),
    )


@cache
def version() -> str:
    """Read the product's version."""
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def _pending_migrations() -> list[Any]:
    executor = MigrationExecutor(connection)
    return executor.migration_plan(executor.loader.graph.leaf_nodes())


def _summary(problems: tuple[str, ...], sources: tuple[SourceHealth, ...]) -> tuple[str, str]:
    if problems:
        others = len(problems) - 1
        more = f"And {others} more problem{'s' if others > 1 else ''} below." if others else ""
        return problems[0], more
    if not sources:
        return "No source is connected yet.", "Connect one with manage.py connect_source."
    flowing = sum(source.word == "Flowing" for source in sources)
    if flowing == len(sources):
        return f"All {flowing} sources flowing.", "Nothing is late, nothing is silent."
    return f"{flowing} of {len(sources)} sources flowing.", "The others are paused or new."


def _rows(name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute((_SQL / f"{name}.sql").read_text(encoding="utf-8"), parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

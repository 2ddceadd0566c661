"""Reports sources that have gone silent, once, and takes it back when they speak again.

Judged against the rhythm that a source was given; where it was given none, against the one that
its own past weeks have shown. Needs no broker: a loop of its own looks every few seconds.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.db import connection, transaction

from reconciliation import clock, heartbeat, rhythm, rulebook, sql
from reconciliation.discrepancies import clear, open_for
from reconciliation.models import Heartbeat, Source, SourceRhythm
from reconciliation.rhythm import Rhythm
from reconciliation.silent import CHECK
from reconciliation.working_time import days_off

COMPONENT = "silence"
_FRESH = timedelta(hours=6)  # a rhythm of weeks does not change faster
_AWAY = timedelta(minutes=10)  # longer between two looks, and it was we who were away
_PATIENCE = timedelta(minutes=30)  # the most that senders get to come back after that
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Heard:
    """One source as `silence_sources.sql` gives it."""

    source_id: int
    name: str
    slug: str
    zone: str
    country: str
    stated_seconds: int | None
    heard_at: datetime | None
    listening_since: datetime | None
    is_paused: bool
    is_reported: bool
    learnt_at: datetime | None

    @property
    def since(self) -> datetime | None:
        """Give the moment from which silence counts; None where nobody knows."""
        known = [each for each in (self.heard_at, self.listening_since) if each is not None]
        return max(known) if known else None

    def days_off(self, *, until: datetime) -> Collection[date]:
        """Give its team's holidays from when it was last heard."""
        assert self.since is not None
        zone = ZoneInfo(self.zone)
        years = range(self.since.astimezone(zone).year, until.astimezone(zone).year + 1)
        return frozenset().union(*(days_off(self.country, year) for year in years))


def take(*, limit: int, at: datetime) -> int:
    """Report and clear silence as of `at`; says how many sources changed, up to `limit`.

    While a demo's past is driven, whose hours pass in a moment, nobody is silent.
    """
    if clock.is_simulated() or not _is_checked():
        return 0
    is_back = _note_look(at=at)
    sources, changed = _sources(at=at), 0
    for heard in sources:
        if changed == limit:
            break
        words = _silence(heard, at=at)
        if bool(words) != heard.is_reported and not (words and is_back):
            changed += _report(heard, words, at=at) if words else _take_back(heard, at=at)
    _keep_learning(sources, at=at)
    return changed


def learnt_rhythm(*, source_id: int) -> Rhythm | None:
    """Give the rhythm that was last learnt of a source; None where too little is known."""
    known = SourceRhythm.objects.filter(source=source_id).values_list("learnt", flat=True).first()
    return _read(known) if known else None


def _is_checked() -> bool:
    """Tell whether the live rulebook has this check; an older one may not."""
    try:
        rulebook.live().check(CHECK)
    except (KeyError, rulebook.NoRulebook):
        return False
    return True


def _note_look(*, at: datetime) -> bool:
    """Write down this look; says whether we were away until lately, so that nobody was heard.

    A look that comes late after one that did is how often somebody looks, and no absence.
    """
    known = Heartbeat.objects.filter(component=COMPONENT).values_list("details", flat=True).first()
    details = known or {"looked_at": at.isoformat(), "back_at": "", "was_late": False}
    is_late = at - datetime.fromisoformat(details["looked_at"]) > _AWAY
    is_back = is_late and not details["was_late"]
    back_at = at.isoformat() if is_back else details["back_at"]
    heartbeat.beat(
        component=COMPONENT,
        details={"looked_at": at.isoformat(), "back_at": back_at, "was_late": is_back},
    )
    return bool(back_at) and at - datetime.fromisoformat(back_at) < _PATIENCE


def _sources(*, at: datetime) -> list[_Heard]:
    with connection.cursor() as cursor:
        cursor.execute(sql.load("silence_sources"), {"at": at, "check": CHECK})
        return [_Heard(*row) for row in cursor.fetchall()]


def _silence(heard: _Heard, *, at: datetime) -> str:
    """Say in words how a source is silent; "" if it is not, or nobody knows."""
    since = heard.since
    if since is None or heard.is_paused:
        return ""
    if heard.stated_seconds is not None:
        stated = timedelta(seconds=heard.stated_seconds)
        is_silent = at - since > stated
        return f"Something is expected every {_length(stated)}." if is_silent else ""
    if at - since < rhythm.FLOOR or (known := _rhythm(heard, at=at)) is None:
        return ""
    off = heard.days_off(until=at)
    if not rhythm.is_silent(known, since=since, at=at, days_off=off):
        return ""
    missing = rhythm.expected(known, since=since, until=at, days_off=off)
    return (
        f"At this time of the week it is never so quiet: the last {known.weeks} weeks let expect"
        f" {max(round(missing), 1)} sign{'s' if round(missing) > 1 else ''} of life since then."
    )


def _rhythm(heard: _Heard, *, at: datetime) -> Rhythm | None:
    """Give a source's rhythm, learnt anew if it is some hours old."""
    if heard.learnt_at is not None and timedelta() <= at - heard.learnt_at < _FRESH:
        return learnt_rhythm(source_id=heard.source_id)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.load("arrivals"),
            {
                "source_id": heard.source_id,
                "since": at - rhythm.WEEKS * timedelta(weeks=1),
                "until": at,
                "bucket": f"{rhythm.BUCKET.total_seconds()} seconds",
            },
        )
        arrivals = [received_at for (received_at,) in cursor.fetchall()]
    known = rhythm.learn(arrivals, zone=heard.zone)
    SourceRhythm.objects.update_or_create(
        source_id=heard.source_id,
        defaults={"learnt_at": at, "learnt": asdict(known) if known else None},
    )
    return known


def _keep_learning(sources: Sequence[_Heard], *, at: datetime) -> None:
    """Learn one more rhythm that is missing or old, so that it is known before it is needed."""
    for heard in sources:
        is_fresh = heard.learnt_at is not None and at - heard.learnt_at < _FRESH
        if heard.heard_at is not None and heard.stated_seconds is None and not is_fresh:
            _rhythm(heard, at=at)
            return


def _read(known: dict[str, Any]) -> Rhythm:
    profile = {name: tuple(known[name]) for name in ("per_hour", "steady_seconds")}
    return Rhythm(**{**known, **profile})


@transaction.atomic
def _report(heard: _Heard, words: str, *, at: datetime) -> bool:
    """Open the one discrepancy of a silent source, unless it was paused or has spoken meanwhile."""
    source = Source.objects.select_for_update(no_key=True).get(pk=heard.source_id)
    if source.is_paused or source.listening_since != heard.listening_since:
        return False
    assert heard.since is not None
    is_new = heard.since != heard.heard_at
    begun = " it was connected or resumed," if is_new else ""
    sentence = f"{heard.name} has said nothing since{begun} {_moment(heard.since)}. {words}"
    open_for(
        check_name=CHECK,
        source=source,
        at=at,
        details={"source": heard.slug, "since": heard.since.isoformat(), "reasons": [sentence]},
    )
    _log.warning("source.silent", source=heard.slug, since=heard.since.isoformat())
    return True


@transaction.atomic
def _take_back(heard: _Heard, *, at: datetime) -> bool:
    """Clear it: the source has spoken, is paused, or is given more time."""
    source = Source.objects.select_for_update(no_key=True).get(pk=heard.source_id)
    _log.info("source.heard_again", source=heard.slug)
    return clear(check_name=CHECK, source=source, at=at)


def _moment(at: datetime) -> str:
    return f"{at:%H:%M} on {at.day} {at:%b} UTC"


def _length(span: timedelta) -> str:
    """Say a span by its two largest units: "15 min", "1 h 30 min", "2 d"."""
    minutes = round(span.total_seconds() / 60)
    days, rest = divmod(minutes, 1_440)
    hours, minutes = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "minute"

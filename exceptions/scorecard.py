"""Lays out the metrics page: six tiles and four charts, each number with the list it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.utils.http import urlencode

from exceptions import charts, metrics
from exceptions.words import duration
from reconciliation import metrics as facts
from reconciliation import rulebook
from reconciliation.metrics import Amount, Durations, Share
from reconciliation.models import RulebookVersion
from reconciliation.money import as_round_text

ENOUGH = 30  # fewer cases than this make no comparison
TARGET_SEVERITY = "P2"  # the clock that the chart is held against
_AUTOMATIC_BAND = "target 70 to 90%"
_STATES = {
    "NEW": "New",
    "IN_PROGRESS": "In progress",
    "WAITING": "Waiting",
    "VERIFYING": "Verifying",
}
_HOUR = timedelta(hours=1)
_A_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_LONG_HOURS = 100  # from here on, days read better


@dataclass(frozen=True)
class Period:
    """Whole days in UTC, [since, until), for one team or all ("")."""

    since: datetime
    until: datetime
    team: str = ""

    @property
    def before(self) -> "Period":
        """Give the period of the same length just before."""
        return Period(self.since - (self.until - self.since), self.since, self.team)

    @property
    def first(self) -> date:
        """Give the first day."""
        return self.since.date()

    @property
    def last(self) -> date:
        """Give the last day."""
        return self.until.date() - _A_DAY

    @property
    def days(self) -> list[date]:
        """Give every day."""
        return [self.first + _A_DAY * place for place in range((self.until - self.since).days)]

    def within(self, field: str) -> list[str]:
        """Write the filters that keep a moment inside the period."""
        return [f"{field}:at_least:{self.first}", f"{field}:at_most:{self.last}"]


@dataclass(frozen=True)
class Tile:
    """One number, what it was before, and the list behind it."""

    name: str
    value: str
    note: str
    tone: str  # good, bad or ""
    href: str
    listed: int  # how many rows the list has


@dataclass(frozen=True)
class Pareto:
    """What breaks most, with the sentence that follows from it."""

    bars: list[charts.Bar]
    takeaway: str


def period_of(*, days: int, team: str, at: datetime) -> Period:
    """Give the last `days` days, today included."""
    until = datetime.combine(at.astimezone(UTC).date() + _A_DAY, time.min, UTC)
    return Period(until - _A_DAY * days, until, team)


def tiles(period: Period) -> list[Tile]:
    """Lay out the six tiles."""
    return [
        _automatic(period),
        _time(period, "median"),
        _time(period, "p90"),
        _rate(period),
        _handoffs(period),
        _waiting(period),
    ]


def target_hours() -> float:
    """Give the time that the live rulebook allows to resolve a middling case, in hours."""
    clock = next(clock for clock in rulebook.live().clocks if clock.severity == TARGET_SEVERITY)
    return clock.resolve_minutes / 60


def series(period: Period) -> list[charts.Day]:
    """Give time to reconcile for every day of the period; a day links to what it counts."""
    found = facts.time_to_reconcile_by_day(since=period.since, until=period.until, team=period.team)
    by_day = {each.date: each.durations for each in found}
    return [_day(day, by_day.get(day), period.team) for day in period.days]


def marks(period: Period) -> list[charts.Mark]:
    """Give what happened that may explain a change: rulebook versions put live."""
    published = RulebookVersion.objects.filter(
        published_at__gte=period.since, published_at__lt=period.until
    )
    return [
        charts.Mark(version.published_at.date(), f"Rulebook v{version.number} published")
        for version in published.order_by("published_at")
        if version.published_at is not None
    ]


def pareto(period: Period) -> Pareto:
    """Give the failure modes of the period, most frequent first."""
    modes = facts.failure_modes(since=period.since, until=period.until, team=period.team)
    found = [
        charts.Bar(
            name=mode.title,
            number=mode.count,
            text=f"{mode.count:,}",
            href=queue_href(
                [
                    f"check_name:is:{mode.check_name}",
                    *period.within("found_at"),
                    *_of_check(period.team),
                    "closed:is_any_of:true,false",
                ]
            ),
            note="On" if mode.is_automated else "Off",
            is_noted=mode.is_automated,
        )
        for mode in modes
    ]
    few, share = charts.vital_few(found)
    if not found:
        return Pareto([], "")
    causes = "failure mode causes" if few == 1 else "failure modes cause"
    by_hand = sum(1 for bar in found[:few] if not bar.is_noted)
    advice = f" {by_hand} of them {'is' if by_hand == 1 else 'are'} not repaired automatically yet."
    return Pareto(found, f"{few} {causes} {share}% of exceptions.{advice if by_hand else ''}")


def open_work(team: str) -> list[charts.Stack]:
    """Give the open cases of each team by state."""
    return [
        charts.Stack(
            work.name,
            tuple(dict(work.by_state).get(state, 0) for state in _STATES),
            tuple(queue_href([f"team:is:{work.team}", f"state:is:{state}"]) for state in _STATES),
        )
        for work in metrics.open_work(team=team)
    ]


def state_names() -> tuple[str, ...]:
    """Give the states of `open_work` in its order."""
    return tuple(_STATES.values())


def ageing(*, at: datetime, team: str) -> list[charts.Bar]:
    """Give the open cases by how long they have been open, with what is at risk."""
    return [
        charts.Bar(
            name=bucket.name,
            number=bucket.count,
            text=f"{bucket.count:,} · {_money(bucket.at_risk)}",
            href=queue_href([*_aged(bucket), *([f"team:is:{team}"] if team else [])]),
        )
        for bucket in metrics.ageing(at=at, team=team)
    ]


def queue_href(filters: Sequence[str]) -> str:
    """Write the address of the exceptions that match."""
    return f"/exceptions/?{urlencode([('f', text) for text in filters])}"


def _automatic(period: Period) -> Tile:
    now, before = (
        metrics.settled_by_itself(since=each.since, until=each.until, team=each.team)
        for each in (period, period.before)
    )
    team = [f"team:is:{period.team}"] if period.team else []
    note, tone = _change(now, before, more_is_good=True)
    return Tile(
        "Reconciled automatically",
        _percent(now.ratio),
        f"{note} · {_AUTOMATIC_BAND}",
        tone,
        queue_href([*period.within("opened_at"), "alone:is:true", *team]),
        now.numerator,
    )


def _time(period: Period, which: str) -> Tile:
    now, before = (
        facts.time_to_reconcile(since=each.since, until=each.until, team=each.team)
        for each in (period, period.before)
    )
    value, earlier = (getattr(each, which) for each in (now, before))
    note, tone = _slower(now, before, value, earlier)
    name = "Time to reconcile, median" if which == "median" else "Time to reconcile, p90"
    return Tile(
        name, _length(value), note, tone, queue_href(_cleared(period, period.team)), now.count
    )


def _rate(period: Period) -> Tile:
    now, before = (
        facts.exception_rate(since=each.since, until=each.until, team=each.team)
        for each in (period, period.before)
    )
    note, tone = _change(now, before, more_is_good=False)
    filters = [*period.within("placed_at"), f"ever:is:{period.team or 'any'}"]
    href = f"/orders/?{urlencode([('f', text) for text in filters])}"
    return Tile("Exception rate", _percent(now.ratio), note, tone, href, now.numerator)


def _handoffs(period: Period) -> Tile:
    now, before = (
        metrics.manual_handoffs(since=each.since, until=each.until, team=each.team)
        for each in (period, period.before)
    )
    rate, earlier = now.per_thousand, before.per_thousand
    note, tone = "no orders to compare with", ""
    if rate is not None and earlier is not None and before.orders >= ENOUGH:
        note, tone = _delta(rate - earlier, f"{abs(rate - earlier):.1f}", more_is_good=False)
    filters = [f"handed_over:is:{period.first}/{period.last}", "closed:is_any_of:true,false"]
    filters += [f"team:is:{period.team}"] if period.team else []
    return Tile(
        "Manual handoffs per 1,000 orders",
        "—" if rate is None else f"{rate:.1f}",
        f"{note} · {now.count:,} in all",
        tone,
        queue_href(filters),
        now.count,
    )


def _waiting(period: Period) -> Tile:
    waiting = facts.revenue_waiting(team=period.team)
    count = sum(amount.count for amount in waiting)
    others = ", ".join(as_round_text(each.amount_minor, each.currency) for each in waiting[1:])
    return Tile(
        "Revenue waiting on reconciliation",
        as_round_text(waiting[0].amount_minor, waiting[0].currency) if waiting else "€0",
        f"{count:,} open now" + (f" · and {others}" if others else ""),
        "",
        queue_href(["at_risk_minor:at_least:1", *_of_check(period.team)]),
        count,
    )


def _day(day: date, found: Durations | None, team: str) -> charts.Day:
    midnight = datetime.combine(day, time.min, UTC)
    href = queue_href(_cleared(Period(midnight, midnight + _A_DAY), team))
    if found is None or found.median is None or found.p90 is None:
        return charts.Day(day, None, None, href)
    return charts.Day(day, found.median / _HOUR, found.p90 / _HOUR, href)


def _cleared(period: Period, team: str) -> list[str]:
    """Write the filters for what was put right in a period; what was waived was not."""
    return [
        *period.within("cleared_at"),
        "state:is_not:DISMISSED",
        "closed:is_any_of:true,false",
        *_of_check(team),
    ]


def _of_check(team: str) -> list[str]:
    return [f"check_team:is:{team}"] if team else []


def _aged(bucket: metrics.AgeBucket) -> list[str]:
    bounds = (("at_least", bucket.since), ("at_most", bucket.until))
    return [f"age:{operator}:{length // _HOUR}h" for operator, length in bounds if length]


def _change(now: Share, before: Share, *, more_is_good: bool) -> tuple[str, str]:
    """Say by how many points a share changed, and whether that is good."""
    if now.ratio is None or before.ratio is None or before.denominator < ENOUGH:
        return f"{now.numerator:,} of {now.denominator:,}", ""
    points = 100 * (now.ratio - before.ratio)
    return _delta(points, f"{abs(points):.1f} pts", more_is_good=more_is_good)


def _slower(
    now: Durations, before: Durations, value: timedelta | None, earlier: timedelta | None
) -> tuple[str, str]:
    if value is None or earlier is None or before.count < ENOUGH:
        return f"{now.count:,} put right", ""
    change = (value - earlier) / _HOUR
    return _delta(change, _length(abs(value - earlier)), more_is_good=False)


def _delta(change: float, text: str, *, more_is_good: bool) -> tuple[str, str]:
    if not change:
        return "as before", ""
    is_more = change > 0
    return f"{'▲' if is_more else '▼'} {text}", "good" if is_more == more_is_good else "bad"


def _percent(ratio: float | None) -> str:
    return "—" if ratio is None else f"{100 * ratio:.1f}%"


def _length(length: timedelta | None) -> str:
    if length is None:
        return "—"
    hours = length / _HOUR
    if length < _MINUTE:
        return "under 1 min"
    return f"{hours:.1f} h" if 1 <= hours < _LONG_HOURS else duration(length)


def _money(amounts: Sequence[Amount]) -> str:
    known = [each for each in amounts if each.amount_minor]
    return ", ".join(as_round_text(each.amount_minor, each.currency) for each in known) or "nothing"

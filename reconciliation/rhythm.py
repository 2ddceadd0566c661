"""Learns how a source speaks through the week, and tells when it has been silent for too long.

Time is counted in arrivals that were to be expected: a night in which nothing ever comes takes no
time at all, a busy hour takes much. Counted so, the gaps of a source are alike through the week,
and a gap that is longer than those it has shown is silence, whatever the hour.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

WEEKS = 8  # how much of the past is looked at
BUCKET = timedelta(minutes=5)  # what comes within one is one arrival, so that bursts count once
FLOOR = timedelta(minutes=15)  # nobody is called for less
LEAST_ARRIVALS, LEAST_SPAN = 20, timedelta(weeks=3)
_QUANTUM = timedelta(minutes=15)  # in every zone an hour begins on one
_WEEK = timedelta(weeks=1)
_SLOTS = 7 * 24  # hours of the week, Monday 0:00 first
_SUNDAY = 6 * 24
_LONGEST_SILENCE = timedelta(days=90)  # longer ones are not counted to their end
_LEAST_LEVEL = 0.1
# A gap that is by chance so many spreads beyond the longest of a week comes once in years; where
# gaps are regular the spread is next to nothing, and half an arrival is what a clock may be off.
_SPREADS, _SLACK = 5.0, 0.5
# Gaps that begin at one time of the week are steady if they differ by no more than this.
_STEADY_SHARE, _STEADY_GAPS, _STEADY_WEEKS = 0.25, 6, 4


@dataclass(frozen=True)
class Rhythm:
    """How many arrivals each hour of the week brings, and how many may fail to come."""

    zone: str
    per_hour: tuple[float, ...]  # Monday 0:00 first, local to `zone`
    allowance: float
    weeks: int  # that it was learnt from
    # The longest gap that began in each hour of the week, in seconds, where all were alike: as of
    # a file that comes every night. 0 where they were not.
    steady_seconds: tuple[float, ...] = (0.0,) * _SLOTS

    def __post_init__(self) -> None:
        assert len(self.per_hour) == len(self.steady_seconds) == _SLOTS


def learn(arrivals: Sequence[datetime], *, zone: str) -> Rhythm | None:
    """Learn from moments in ascending order, one a bucket; None while there are too few to say."""
    if len(arrivals) < LEAST_ARRIVALS or arrivals[-1] - arrivals[0] < LEAST_SPAN:
        return None
    start, end = _floor(arrivals[0]), arrivals[-1]
    slots = _slots(start, end, ZoneInfo(zone))
    rates = _smoothed(_rates(arrivals, start, slots))
    course = _course(rates, start, slots)
    gaps = [course(later) - course(earlier) for earlier, later in pairwise(arrivals)]
    return Rhythm(
        zone=zone,
        per_hour=tuple(rate * _level(arrivals, course) for rate in rates),
        allowance=_allowance(arrivals, gaps),
        weeks=max(round((end - start) / _WEEK), 1),
        steady_seconds=tuple(_steady(arrivals, start, slots)),
    )


def expected(
    rhythm: Rhythm, *, since: datetime, until: datetime, days_off: Collection[date] = ()
) -> float:
    """Count the arrivals that should have come in between; a day off is like a Sunday at most.

    For some weeks after the clocks have changed, a system that goes by another clock speaks an hour
    earlier or later than it did: the quietest of the three hours counts.
    """
    zone = ZoneInfo(rhythm.zone)
    until = min(until, since + _LONGEST_SILENCE)
    has_changed = _offset(until, zone) != _offset(since - WEEKS * _WEEK, zone)
    around = (0, -1, 1) if has_changed else (0,)
    total, at = 0.0, since.astimezone(UTC)
    while at < until:
        following = min(_floor(at) + _QUANTUM, until)
        local = at.astimezone(zone)
        slots = [(_slot(local) + hours) % _SLOTS for hours in around]
        if local.date() in days_off:
            slots.append(_SUNDAY + local.hour)
        rate = min(rhythm.per_hour[slot] for slot in slots)
        total += rate * ((following - at) / timedelta(hours=1))
        at = following
    return total


def is_silent(
    rhythm: Rhythm, *, since: datetime, at: datetime, days_off: Collection[date] = ()
) -> bool:
    """Tell whether nothing since `since` is more than this source ever leaves out."""
    if at - since < FLOOR:
        return False
    return _is_overdue(rhythm, since=since, at=at, days_off=days_off) or (
        expected(rhythm, since=since, until=at, days_off=days_off) > rhythm.allowance
    )


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _is_overdue(
    rhythm: Rhythm, *, since: datetime, at: datetime, days_off: Collection[date]
) -> bool:
    """Tell whether what always follows a word at this hour has not; not across a day off."""
    zone = ZoneInfo(rhythm.zone)
    begun, now = since.astimezone(zone), at.astimezone(zone)
    usual = timedelta(seconds=rhythm.steady_seconds[_slot(begun)])
    if not usual or at - since <= usual * (1 + _STEADY_SHARE):
        return False
    return not any(begun.date() <= day <= now.date() for day in days_off)


def _floor(at: datetime) -> datetime:
    """Go back to the beginning of the quantum, in UTC."""
    at = at.astimezone(UTC)
    return at - (at - datetime.min.replace(tzinfo=UTC)) % _QUANTUM


def _slot(local: datetime) -> int:
    return local.weekday() * 24 + local.hour


def _slots(start: datetime, end: datetime, zone: ZoneInfo) -> list[int]:
    """Name the hour of the week of every quantum, counted in UTC: each lasts as long as it does."""
    count = (end - start) // _QUANTUM + 1
    return [_slot((start + place * _QUANTUM).astimezone(zone)) for place in range(count)]


def _rates(arrivals: Sequence[datetime], start: datetime, slots: Sequence[int]) -> list[float]:
    """Count arrivals in an hour of each slot, on average over how often it came."""
    quanta, heard = [0] * _SLOTS, [0] * _SLOTS
    for slot in slots:
        quanta[slot] += 1
    for arrival in arrivals:
        heard[slots[(arrival - start) // _QUANTUM]] += 1
    per_hour = timedelta(hours=1) / _QUANTUM
    return [
        number * per_hour / many if many else 0.0
        for number, many in zip(heard, quanta, strict=True)
    ]


def _smoothed(rates: Sequence[float]) -> list[float]:
    """Let each hour lend to its neighbours: what comes at six may come at ten to six."""
    return [
        rates[place - 1] / 4 + rates[place] / 2 + rates[(place + 1) % _SLOTS] / 4
        for place in range(_SLOTS)
    ]


def _course(
    rates: Sequence[float], start: datetime, slots: Sequence[int]
) -> Callable[[datetime], float]:
    """Give what had been expected from `start` up to any moment of the past looked at."""
    share = _QUANTUM / timedelta(hours=1)
    passed = list(accumulate((rates[slot] * share for slot in slots), initial=0.0))

    def upto(at: datetime) -> float:
        place = (at - start) // _QUANTUM
        into = ((at - start) - place * _QUANTUM) / _QUANTUM
        return passed[place] + into * (passed[place + 1] - passed[place])

    return upto


def _level(arrivals: Sequence[datetime], course: Callable[[datetime], float]) -> float:
    """Tell how much less the last week brought than its hours used to; never more than as much."""
    newest = arrivals[-1]
    lately = len(arrivals) - bisect_right(arrivals, newest - _WEEK)
    usual = course(newest) - course(newest - _WEEK)
    return max(min(lately / usual, 1.0), _LEAST_LEVEL) if usual else 1.0


def _allowance(arrivals: Sequence[datetime], gaps: Sequence[float]) -> float:
    """Say how long a gap may be, in arrivals that fail to come.

    The longest gap of three weeks in four, so that one outage does not make it deaf for months,
    and a margin by how much gaps vary.
    """
    longest, ordered = sorted(_longest_by_week(arrivals, gaps)), sorted(gaps)
    among_weeks = _quantile(longest, 0.75) - _quantile(longest, 0.25)
    among_gaps = _quantile(ordered, 0.9) - _quantile(ordered, 0.5)
    return _quantile(longest, 0.75) + _SPREADS * max(among_weeks, among_gaps) + _SLACK


def _longest_by_week(arrivals: Sequence[datetime], gaps: Sequence[float]) -> Iterator[float]:
    """Give the longest gap that ended in each week, counted back from the newest arrival."""
    longest: dict[int, float] = {}
    for ended_at, gap in zip(arrivals[1:], gaps, strict=True):
        week = (arrivals[-1] - ended_at) // _WEEK
        longest[week] = max(gap, longest.get(week, 0.0))
    yield from longest.values()


def _steady(arrivals: Sequence[datetime], start: datetime, slots: Sequence[int]) -> Iterator[float]:
    """Find, for each hour of the week, whether the gaps that begin about then are all alike."""
    begun: list[list[tuple[float, int]]] = [[] for _ in range(_SLOTS)]
    for earlier, later in pairwise(arrivals):
        place = (earlier - start) // _QUANTUM
        week = place // (_WEEK // _QUANTUM)
        begun[slots[place]].append(((later - earlier).total_seconds(), week))
    for slot in range(_SLOTS):
        found = [*begun[slot - 1], *begun[slot], *begun[(slot + 1) % _SLOTS]]
        lengths = sorted(length for length, _ in found)
        is_known = len(found) >= _STEADY_GAPS and len({week for _, week in found}) >= _STEADY_WEEKS
        yield lengths[-1] if is_known and _are_alike(lengths) else 0.0


def _are_alike(lengths: Sequence[float]) -> bool:
    """Tell whether none of some lengths, in ascending order, is far from the middle one."""
    middle = _quantile(lengths, 0.5)
    shortest, longest = (1 - _STEADY_SHARE) * middle, (1 + _STEADY_SHARE) * middle
    return shortest <= lengths[0] and lengths[-1] <= longest


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Give the value below which `share` of them lie, between two neighbours."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])

"""Finds when a clock runs out: minutes of working time, in a team's own hours and holidays."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from reconciliation.models import Calendar
from reconciliation.rulebook import Rulebook

_DAYS_AHEAD = 3_660  # ten years without a working day is no calendar


class NoWorkingTime(Exception):
    """A calendar that never opens; its clocks would never run out."""


@dataclass(frozen=True)
class BusinessHours:
    """The hours in which a clock counts, local to `zone`; holidays of `country` are off."""

    zone: str
    opens: time
    closes: time
    weekdays: frozenset[int]  # ISO numbers, Monday is 1
    country: str = ""


@dataclass(frozen=True)
class StepTime:
    """One step of an escalation plan: its number, when it is due, and whom it tells."""

    number: int
    due_at: datetime
    to: str


@dataclass(frozen=True)
class Clocks:
    """When a case must be answered and closed, and the escalation on the way, earliest first."""

    respond_due_at: datetime
    resolve_due_at: datetime
    steps: tuple[StepTime, ...]


def clocks(
    *, rules: Rulebook, severity: str, opened_at: datetime, team_hours: BusinessHours
) -> Clocks:
    """Set the clocks of a case as its rulebook says.

    A rulebook clock without a calendar never stops; any other counts the team's own hours. Steps
    of P1 are numbered from 100, of P2 from 200: a case that becomes more urgent begins a new plan.
    """
    clock = rules.clock(severity)
    hours = team_hours if clock.calendar else None
    steps = (
        StepTime(
            number=int(severity[1:]) * 100 + place,
            due_at=due_at(
                opened_at=opened_at, minutes=clock.resolve_minutes * step.share, hours=hours
            ),
            to=step.to,
        )
        for place, step in enumerate(rules.escalation(severity).steps)
    )
    return Clocks(
        respond_due_at=due_at(opened_at=opened_at, minutes=clock.respond_minutes, hours=hours),
        resolve_due_at=due_at(opened_at=opened_at, minutes=clock.resolve_minutes, hours=hours),
        steps=tuple(sorted(steps, key=lambda step: (step.due_at, step.number))),
    )


def hours_of(calendar: Calendar) -> BusinessHours:
    """Read a team's calendar."""
    return BusinessHours(
        zone=calendar.time_zone,
        opens=calendar.opens,
        closes=calendar.closes,
        weekdays=frozenset(calendar.weekdays),
        country=calendar.holidays_country,
    )


def due_at(*, opened_at: datetime, minutes: float, hours: BusinessHours | None) -> datetime:
    """Find the moment `minutes` of working time after `opened_at`, in UTC.

    Counts only minutes inside `hours`; None counts every minute. A case opened outside hours starts
    counting at the next opening. Raises NoWorkingTime for a calendar that never opens.
    """
    left = timedelta(minutes=minutes)
    if hours is None:
        return opened_at.astimezone(UTC) + left
    zone = ZoneInfo(hours.zone)
    day = opened_at.astimezone(zone).date()
    for _ in range(_DAYS_AHEAD):
        opening, closing = _span(day, hours, zone)
        start = max(opening, opened_at.astimezone(UTC))
        if start < closing:
            if left <= closing - start:
                return start + left
            left -= closing - start
        day += timedelta(days=1)
    raise NoWorkingTime(f"A calendar in {hours.zone} never opens.")


def working_minutes(*, start: datetime, end: datetime, hours: BusinessHours | None) -> float:
    """Count the minutes of working time between two moments; 0 if `end` is not after `start`."""
    if end <= start:
        return 0.0
    if hours is None:
        return (end - start).total_seconds() / 60
    zone = ZoneInfo(hours.zone)
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    counted = timedelta()
    while day <= last:
        opening, closing = _span(day, hours, zone)
        counted += max(min(closing, end) - max(opening, start), timedelta())
        day += timedelta(days=1)
    return counted.total_seconds() / 60


def _span(day: date, hours: BusinessHours, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Give the open stretch of one local day in UTC; empty on a day off.

    Worked out in UTC, so that a day on which the clocks change has the hours it really has.
    """
    opening = datetime.combine(day, hours.opens, zone).astimezone(UTC)
    if day.isoweekday() not in hours.weekdays or day in _days_off(hours.country, day.year):
        return opening, opening
    if hours.closes == time.max:  # a day has no 24:00 to name its end by
        return opening, datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
    return opening, datetime.combine(day, hours.closes, zone).astimezone(UTC)


@lru_cache(maxsize=256)
def _days_off(country: str, year: int) -> frozenset[date]:
    if not country:
        return frozenset()
    return frozenset(holidays.country_holidays(country, years=year))

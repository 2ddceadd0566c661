"""Counts working time: the hours, days and holidays of a calendar, in its own time zone."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
from holidays import registry

_DAYS_AHEAD = 3_660  # ten years without a working day is no calendar
_DAYS_LISTED_BEFORE, _DAYS_LISTED_AFTER = 800, 400


class NoWorkingTime(Exception):
    """A calendar that never opens; its clocks would never run out."""


@dataclass(frozen=True)
class BusinessHours:
    """The hours in which a clock counts, local to `zone`, but on no holiday and no day `off`."""

    zone: str
    opens: time
    closes: time
    weekdays: frozenset[int]  # ISO numbers, Monday is 1
    country: str = ""  # whose public holidays are off
    off: frozenset[date] = frozenset()  # more days off, such as the company's own

    def is_work(self, day: date) -> bool:
        """Tell whether a day is a working day."""
        is_off = day in self.off or day in days_off(self.country, day.year)
        return day.isoweekday() in self.weekdays and not is_off


class WorkingDays(NamedTuple):
    """The working days around some day, laid out so that SQL can look them up.

    `numbers` tells for each day from `first_day` on how many working days there were until then,
    itself included; `closings` when each of these closed, or will.
    """

    first_day: date
    numbers: list[int]
    closings: list[datetime]


def due_at(*, opened_at: datetime, minutes: float, hours: BusinessHours | None) -> datetime:
    """Find the moment `minutes` of working time after `opened_at`, in UTC.

    Counts only minutes inside `hours`; None counts every minute. What begins outside hours starts
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


def end_of_business_days(*, since: datetime, days: int, hours: BusinessHours) -> datetime:
    """Find the close of the last of so many business days after `since`, as checks do in SQL."""
    day = since.astimezone(ZoneInfo(hours.zone)).date()
    listed = working_days(around=day, hours=hours)
    return listed.closings[listed.numbers[(day - listed.first_day).days] + days - 1]


def is_open(*, at: datetime, hours: BusinessHours) -> bool:
    """Tell whether a moment lies inside working time."""
    zone = ZoneInfo(hours.zone)
    opening, closing = _span(at.astimezone(zone).date(), hours, zone)
    return opening <= at < closing


@lru_cache(maxsize=64)
def working_days(*, around: date, hours: BusinessHours) -> WorkingDays:
    """List the working days from two years before `around` to one year after it."""
    zone = ZoneInfo(hours.zone)
    first = around - timedelta(days=_DAYS_LISTED_BEFORE)
    listed = WorkingDays(first, [], [])
    for place in range(_DAYS_LISTED_BEFORE + _DAYS_LISTED_AFTER):
        opening, closing = _span(first + timedelta(days=place), hours, zone)
        if closing > opening:
            listed.closings.append(closing)
        listed.numbers.append(len(listed.closings))
    return listed


def _span(day: date, hours: BusinessHours, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Give the open stretch of one local day in UTC; empty on a day off.

    Worked out in UTC, so that a day on which the clocks change has the hours it really has.
    """
    opening = datetime.combine(day, hours.opens, zone).astimezone(UTC)
    if not hours.is_work(day):
        return opening, opening
    if hours.closes == time.max:  # a day has no 24:00 to name its end by
        return opening, datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
    return opening, datetime.combine(day, hours.closes, zone).astimezone(UTC)


@lru_cache(maxsize=256)
def days_off(country: str, year: int) -> frozenset[date]:
    """Give the public holidays of a country in a year; without a country there are none."""
    if not country:
        return frozenset()
    return frozenset(holidays.country_holidays(country, years=year))


@lru_cache(maxsize=1)
def known_countries() -> dict[str, str]:
    """Name the countries whose holidays are known, by their code."""
    named = {str(code): str(name) for name, code, *_ in registry.COUNTRIES.values()}
    return {code: re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name) for code, name in named.items()}


def holidays_ahead(*, country: str, since: date, days: int) -> list[tuple[date, str]]:
    """List the public holidays of a country from a day on, with what they are called."""
    if not country:
        return []
    until = since + timedelta(days=days)
    found = holidays.country_holidays(country, years=range(since.year, until.year + 1))
    return sorted((day, name) for day, name in found.items() if since <= day <= until)

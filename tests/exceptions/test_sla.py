"""Clocks: one row on each side of every edge of working time."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exceptions.sla import clocks
from reconciliation import rulebook
from reconciliation.working_time import BusinessHours, NoWorkingTime, due_at, working_minutes

WEEK = frozenset({1, 2, 3, 4, 5})
BERLIN = BusinessHours("Europe/Berlin", time(9), time(17), WEEK, "DE")
UTC_HOURS = BusinessHours("UTC", time(9), time(17), WEEK)
ALWAYS = BusinessHours("UTC", time.min, time.max, frozenset(range(1, 8)))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("opened", "minutes", "due"),
    [
        ("2026-11-04T10:00", 60, "2026-11-04T11:00"),  # inside one day
        ("2026-11-04T16:00", 60, "2026-11-04T17:00"),  # to the last minute
        ("2026-11-04T16:00", 61, "2026-11-05T09:01"),  # one minute over
        ("2026-11-04T08:59", 1, "2026-11-04T09:01"),  # before opening
        ("2026-11-04T17:00", 1, "2026-11-05T09:01"),  # at closing
        ("2026-11-06T16:30", 60, "2026-11-09T09:30"),  # over a weekend
        ("2026-11-07T12:00", 0, "2026-11-09T09:00"),  # no time at all, on a Saturday
        ("2026-11-04T10:00", 0, "2026-11-04T10:00"),
        ("2026-11-04T09:00", 3 * 480, "2026-11-06T17:00"),  # three whole days
    ],
)
def test_only_working_minutes_count(opened: str, minutes: int, due: str) -> None:
    found = due_at(opened_at=moment(opened), minutes=minutes, hours=UTC_HOURS)

    assert found == moment(due)


@pytest.mark.parametrize(
    ("opened", "minutes", "due"),
    [
        ("2026-03-27T15:30", 60, "2026-03-30T07:30"),  # over the night the clocks go forward
        ("2026-10-23T14:30", 60, "2026-10-26T08:30"),  # and back: 09:00 is an hour later in UTC
        ("2026-12-24T15:30", 60, "2026-12-28T08:30"),  # Christmas and a weekend
    ],
)
def test_hours_are_local_and_holidays_are_off(opened: str, minutes: int, due: str) -> None:
    assert due_at(opened_at=moment(opened), minutes=minutes, hours=BERLIN) == moment(due)


def test_without_hours_every_minute_counts() -> None:
    opened = moment("2026-11-07T23:30")

    assert due_at(opened_at=opened, minutes=60, hours=None) == opened + timedelta(hours=1)
    assert due_at(opened_at=opened, minutes=60, hours=ALWAYS) == opened + timedelta(hours=1)


def test_a_calendar_that_never_opens_is_refused() -> None:
    never = BusinessHours("UTC", time(9), time(17), frozenset())

    with pytest.raises(NoWorkingTime):
        due_at(opened_at=moment("2026-11-04T10:00"), minutes=1, hours=never)


@settings(deadline=None)  # the first look reads a year of holidays
@given(
    minute=st.integers(0, 2 * 365 * 24 * 60),
    minutes=st.integers(1, 5_000),
    hours=st.sampled_from([BERLIN, UTC_HOURS, ALWAYS]),
)
def test_the_minutes_to_the_due_moment_are_the_minutes_given(
    minute: int, minutes: int, hours: BusinessHours
) -> None:
    opened = moment("2026-01-01T00:00") + timedelta(minutes=minute)
    due = due_at(opened_at=opened, minutes=minutes, hours=hours)

    assert working_minutes(start=opened, end=due, hours=hours) == pytest.approx(minutes)


def test_p1_runs_through_the_night_and_p2_does_not() -> None:
    rules = rulebook.parse(number=1, content=rulebook.shipped())
    opened = moment("2026-11-04T16:30")

    urgent = clocks(rules=rules, severity="P1", opened_at=opened, team_hours=UTC_HOURS)
    normal = clocks(rules=rules, severity="P2", opened_at=opened, team_hours=UTC_HOURS)

    assert urgent.respond_due_at == opened + timedelta(minutes=30)
    assert normal.respond_due_at == moment("2026-11-05T12:30")
    assert [step.to for step in urgent.steps] == ["executive", "owner", "lead"]
    assert urgent.steps[0].due_at == opened
    assert not {step.number for step in urgent.steps} & {step.number for step in normal.steps}

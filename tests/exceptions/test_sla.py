"""Clocks: one row on each side of every edge of working time."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exceptions.sla import Plan, Stretch, as_json, clocks, from_json, plan_of
from reconciliation import rulebook
from reconciliation.working_time import BusinessHours, NoWorkingTime, due_at, working_minutes

WEEK = frozenset({1, 2, 3, 4, 5})
OFF = frozenset({date(2026, 12, 31)})
BERLIN = BusinessHours("Europe/Berlin", time(9), time(17), WEEK, "DE", OFF)
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
        ("2026-12-30T15:30", 60, "2027-01-04T08:30"),  # the company's own, New Year, a weekend
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


def plan(severity: str, *, check: str = "paid_twice", team: str = "customer-ops") -> Plan:
    rules = rulebook.parse(number=1, content=rulebook.shipped())
    return plan_of(rules=rules, severity=severity, check=check, team=team, team_hours=UTC_HOURS)


def test_p1_runs_through_the_night_and_p2_does_not() -> None:
    opened = moment("2026-11-04T16:30")

    urgent = clocks(plan=plan("P1"), since=opened)
    normal = clocks(plan=plan("P2"), since=opened)

    assert urgent.respond_due_at == opened + timedelta(minutes=30)
    assert normal.respond_due_at == moment("2026-11-05T12:30")
    assert [step.to for step in urgent.steps] == ["executive", "owner", "lead", "head"]
    assert urgent.steps[0].due_at == opened
    assert not {step.number for step in urgent.steps} & {step.number for step in normal.steps}


@pytest.mark.parametrize(
    ("check", "team", "minutes"),
    [
        ("paid_twice", "customer-ops", 60),  # the check and the team are named
        ("paid_twice", "revenue-ops", 120),  # the check alone
        ("paid_not_posted", "revenue-ops", 960),  # neither
    ],
)
def test_the_first_clock_that_fits_severity_check_and_team_decides(
    check: str, team: str, minutes: int
) -> None:
    content = rulebook.shipped()
    usual = {"severity": "P2", "respond_minutes": 10, "calendar": "", "checks": ["paid_twice"]}
    content["clocks"] = [
        {**usual, "resolve_minutes": 60, "teams": ["customer-ops"]},
        {**usual, "resolve_minutes": 120},
        *content["clocks"],
    ]
    rules = rulebook.parse(number=1, content=content)

    found = plan_of(rules=rules, severity="P2", check=check, team=team, team_hours=UTC_HOURS)

    assert found.resolve_minutes == minutes


def test_a_rulebook_without_a_clock_for_every_case_is_refused() -> None:
    content = rulebook.shipped()
    content["clocks"][0]["checks"] = ["paid_twice", "no_such_check"]

    assert rulebook.problems(content) == [
        "no clock fits every P1",
        "a clock or escalation of P1 names no_such_check, which is no check",
    ]


def rested(begins: str, ends: str, waiting_for: str = "customer") -> Stretch:
    return Stretch(moment(begins), moment(ends), waiting_for)


@pytest.mark.parametrize(
    ("rests", "due"),
    [
        ([], "2026-11-06T09:00"),  # 16 work hours from Wednesday 9:00
        ([rested("2026-11-04T10:00", "2026-11-04T12:00")], "2026-11-06T11:00"),
        ([rested("2026-11-04T16:00", "2026-11-05T10:00")], "2026-11-06T11:00"),  # the night is free
        ([rested("2026-11-04T17:00", "2026-11-05T09:00")], "2026-11-06T09:00"),  # outside hours
        ([rested("2026-11-04T10:00", "2026-11-04T12:00", "system")], "2026-11-06T09:00"),
        ([rested("2026-11-06T12:00", "2026-11-06T13:00")], "2026-11-06T09:00"),  # after it was over
        (
            [
                rested("2026-11-04T10:00", "2026-11-04T11:00"),
                rested("2026-11-05T10:00", "2026-11-05T11:00", "closed"),
            ],
            "2026-11-06T11:00",
        ),
    ],
)
def test_a_clock_rests_while_a_case_waits_for_what_pauses_it(
    rests: list[Stretch], due: str
) -> None:
    opened = moment("2026-11-04T09:00")
    timed = replace(plan("P2"), resolve_minutes=961)

    found = clocks(plan=timed, since=opened, stretches=rests)

    assert found.resolve_due_at == moment(due) + timedelta(minutes=1)


@given(
    edges=st.lists(st.integers(0, 10_000), min_size=2, max_size=8, unique=True),
    minutes=st.integers(1, 5_000),
    hours=st.sampled_from([None, BERLIN, UTC_HOURS]),
)
def test_the_minutes_that_ran_until_the_due_moment_are_those_of_the_plan(
    edges: list[int], minutes: int, hours: BusinessHours | None
) -> None:
    opened = moment("2026-01-01T00:00")
    moments = [opened + timedelta(minutes=edge) for edge in sorted(edges)]
    rests = [
        Stretch(begins, ends, "customer")
        for begins, ends in zip(moments[::2], moments[1::2], strict=False)
    ]
    timed = replace(plan("P2"), resolve_minutes=minutes, hours=hours)

    due = clocks(plan=timed, since=opened, stretches=rests).resolve_due_at

    rested_minutes = sum(
        working_minutes(start=each.began_at, end=min(each.ended_at or due, due), hours=hours)
        for each in rests
    )
    whole = working_minutes(start=opened, end=due, hours=hours)
    assert whole - rested_minutes == pytest.approx(minutes)


def test_a_plan_reads_as_it_was_written() -> None:
    for severity in ("P1", "P2", "P3"):
        assert from_json(json.loads(json.dumps(as_json(plan(severity))))) == plan(severity)

"""Windows of checks in business days: the same in SQL as walked day by day."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import settings as properties
from hypothesis import strategies as st

from reconciliation import checks, reconcile, rulebook
from reconciliation.models import Discrepancy, Recheck
from tests.reconciliation.worlds import order, rules

_ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Auckland")


def content(*, days: int, zone: str = "Europe/Berlin", country: str = "DE") -> dict[str, Any]:
    """Give the shipped rulebook, whose `paid_not_posted` counts business days of a bank."""
    found = rulebook.shipped()
    found["calendars"].append(
        {
            "name": "Bank", "time_zone": zone, "opens": "09:00", "closes": "17:00",
            "weekdays": [1, 2, 3, 4, 5], "holidays_country": country,
        }
    )  # fmt: skip
    (check,) = (each for each in found["checks"] if each["name"] == "paid_not_posted")
    del check["parameters"]["hours"]
    check["parameters"] |= {"business_days": days, "calendar": "Bank"}
    return found


def walked(since: datetime, *, days: int, zone: str, country: str) -> datetime:
    """Walk day by day to the close of the last business day of the window."""
    day, left = since.astimezone(ZoneInfo(zone)).date(), days
    while left:
        day += timedelta(days=1)
        left -= is_working(day, country)
    return datetime.combine(day, time(17), ZoneInfo(zone)).astimezone(UTC)


def is_working(day: date, country: str) -> bool:
    return day.isoweekday() <= 5 and day not in holidays.country_holidays(country, years=day.year)


def due_at(since: datetime, rules: rulebook.Rulebook, *, at: datetime) -> datetime | None:
    check = rules.check("paid_not_posted")
    query = checks.compiled(check)
    given = {**query.parameters, **checks.working_days(check, rules=rules, at=at), "at": at}
    with transaction.atomic(), connection.cursor() as cursor:
        order("A-1", paid_minor=1000, paid_at=since)
        cursor.execute(query.text, given)
        ((_, _, due, *_),) = cursor.fetchall()
        transaction.set_rollback(True)  # for the next example
    return None if due is None else datetime.astimezone(due, UTC)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("since", "days", "due"),
    [
        ("2026-11-20T14:00+00:00", 1, "2026-11-23T16:00+00:00"),  # Friday, then Monday
        ("2026-11-20T14:00+00:00", 2, "2026-11-24T16:00+00:00"),
        ("2026-11-21T14:00+00:00", 1, "2026-11-23T16:00+00:00"),  # Saturday
        ("2026-11-19T22:59+00:00", 1, "2026-11-20T16:00+00:00"),  # Thursday 23:59 in Berlin
        ("2026-11-19T23:00+00:00", 1, "2026-11-23T16:00+00:00"),  # Friday 0:00 in Berlin
        ("2026-12-23T12:00+00:00", 2, "2026-12-28T16:00+00:00"),  # over Christmas
        ("2026-10-23T12:00+00:00", 1, "2026-10-26T16:00+00:00"),  # the clocks change on Sunday
        ("2026-03-27T12:00+00:00", 1, "2026-03-30T15:00+00:00"),
    ],
)
def test_a_window_ends_with_the_close_of_its_last_business_day(
    since: str, days: int, due: str
) -> None:
    told = datetime.fromisoformat(since)
    book = rulebook.parse(number=2, content=content(days=days))

    assert due_at(told, book, at=told) == datetime.fromisoformat(due)


@pytest.mark.django_db
@properties(max_examples=40)
@given(
    since=st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    days=st.integers(1, 60),
    zone=st.sampled_from(_ZONES),
    country=st.sampled_from(("DE", "US", "NP")),
    later=st.timedeltas(timedelta(), timedelta(days=300)),
)
def test_sql_counts_business_days_as_a_calendar_does(
    since: datetime, days: int, zone: str, country: str, later: timedelta
) -> None:
    book = rulebook.parse(number=2, content=content(days=days, zone=zone, country=country))
    expected = walked(since, days=days, zone=zone, country=country)

    found = due_at(since, book, at=since + later)

    assert found == (expected if expected > since + later else None)


@pytest.mark.django_db
def test_a_pass_waits_over_the_weekend_and_then_finds_it() -> None:
    friday = datetime(2026, 11, 20, 14, tzinfo=UTC)
    close = datetime(2026, 11, 24, 16, tzinfo=UTC)
    rules()
    book = rulebook.parse(number=2, content=content(days=2))
    paid = order("A-1", paid_minor=1000, paid_at=friday)

    reconcile._judge([paid.pk], rules=book, at=close - timedelta(seconds=1))
    assert Recheck.objects.get().due_at == close
    reconcile._judge([paid.pk], rules=book, at=close)

    assert Discrepancy.objects.get().check_name == "paid_not_posted"


@pytest.mark.parametrize("without", ["calendar", "business_days"])
def test_a_window_of_business_days_names_its_calendar(without: str) -> None:
    told = content(days=2)
    (check,) = (each for each in told["checks"] if each["name"] == "paid_not_posted")
    del check["parameters"][without]

    assert len(rulebook.problems(told)) == 1


def test_a_calendar_that_is_missing_is_said() -> None:
    told = content(days=2)
    told["calendars"].pop()

    (problem,) = rulebook.problems(told)

    assert "names the calendar Bank, which is missing" in problem

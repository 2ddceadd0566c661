"""A source's rhythm: learnt from its weeks, quiet where it always is, and no false alarm."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation import rhythm
from reconciliation.rhythm import Rhythm

BERLIN = "Europe/Berlin"
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)  # winter: Berlin is an hour ahead
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
EIGHT_WEEKS = 8 * WEEK


def office(start: datetime, end: datetime, *, zone: str = BERLIN) -> Iterator[datetime]:
    """Speak every quarter of an hour from nine to six on working days, by the local clock."""
    at = start
    while at < end:
        local = at.astimezone(ZoneInfo(zone))
        if local.weekday() < 5 and 9 <= local.hour < 18:
            yield at
        at += timedelta(minutes=15)


def nightly(start: datetime, end: datetime, *, jitter: int = 0) -> Iterator[datetime]:
    """Speak once a night, at two in UTC, or some minutes later."""
    chance = random.Random(7)  # noqa: S311 - of a test
    at = start + 2 * HOUR
    while at < end:
        yield at + timedelta(minutes=chance.randint(0, jitter))
        at += DAY


def by_chance(start: datetime, end: datetime, *, per_hour: float, seed: int) -> Iterator[datetime]:
    """Speak at random, half as often on weekends and a tenth as often at night."""
    chance, at = random.Random(seed), start  # noqa: S311 - of a test
    bucket = start
    while at < end:
        at += HOUR * chance.expovariate(per_hour)
        share = (0.5 if at.weekday() > 4 else 1.0) * (0.1 if at.hour < 6 else 1.0)
        if chance.random() < share and at >= bucket and at < end:
            yield at
            bucket = at + rhythm.BUCKET


def learnt(arrivals: Iterator[datetime], *, zone: str = "UTC") -> Rhythm:
    found = rhythm.learn(list(arrivals), zone=zone)
    assert found is not None
    return found


def found_after(known: Rhythm, since: datetime, *, days_off: tuple[date, ...] = ()) -> timedelta:
    """Say how long a source must be silent before it is noticed, to five minutes."""
    low, high = 0, 60 * 24 * 12  # in five minutes; silence only ends by a word
    while low < high:
        middle = (low + high) // 2
        at = since + middle * timedelta(minutes=5)
        if rhythm.is_silent(known, since=since, at=at, days_off=days_off):
            high = middle
        else:
            low = middle + 1
    assert low < 60 * 24 * 12, "nobody would ever notice"
    return low * timedelta(minutes=5)


def test_a_night_and_a_weekend_are_no_silence() -> None:
    known = learnt(office(MONDAY, MONDAY + EIGHT_WEEKS), zone=BERLIN)
    friday = datetime(2026, 3, 6, 16, 45, tzinfo=UTC)  # the last word of a week

    assert not rhythm.is_silent(known, since=friday, at=datetime(2026, 3, 9, 8, tzinfo=UTC))


def test_a_monday_without_a_word_is_noticed_on_monday_morning() -> None:
    known = learnt(office(MONDAY, MONDAY + EIGHT_WEEKS), zone=BERLIN)
    friday = datetime(2026, 3, 6, 16, 45, tzinfo=UTC)

    noticed_at = friday + found_after(known, friday)

    assert datetime(2026, 3, 9, 8, 0, tzinfo=UTC) < noticed_at
    assert noticed_at < datetime(2026, 3, 9, 9, 30, tzinfo=UTC)


def test_silence_in_busy_hours_is_noticed_soon() -> None:
    known = learnt(office(MONDAY, MONDAY + EIGHT_WEEKS), zone=BERLIN)
    wednesday = datetime(2026, 3, 4, 10, tzinfo=UTC)

    assert found_after(known, wednesday) <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("monday_nine", "within"),
    [
        (datetime(2026, 3, 23, 8, tzinfo=UTC), 1.5),  # before the clocks go forward
        (datetime(2026, 3, 30, 7, tzinfo=UTC), 2.5),  # after: others may go by another clock
    ],
)
def test_the_week_goes_by_the_local_clock(monday_nine: datetime, within: float) -> None:
    known = learnt(office(MONDAY, MONDAY + EIGHT_WEEKS), zone=BERLIN)
    friday = (monday_nine - 3 * DAY).replace(hour=16, minute=45)

    noticed_at = friday + found_after(known, friday)

    assert monday_nine < noticed_at < monday_nine + within * HOUR


@pytest.mark.parametrize(
    "until", [datetime(2026, 3, 30, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC)]
)
def test_a_system_that_goes_by_another_clock_is_not_silent_when_ours_change(
    until: datetime,
) -> None:
    """It speaks by UTC; its team is in Berlin, where it now seems an hour off."""
    known = learnt(office(until - EIGHT_WEEKS, until, zone="UTC"), zone=BERLIN)
    coming = list(office(until - 3 * DAY, until + 2 * WEEK, zone="UTC"))

    assert not any(
        rhythm.is_silent(known, since=earlier, at=later) for earlier, later in pairwise(coming)
    )


def test_the_day_on_which_the_clocks_change_is_as_long_as_it_is() -> None:
    known = Rhythm(zone=BERLIN, per_hour=(1.0,) * 168, allowance=1.0, weeks=8)
    midnight = ZoneInfo(BERLIN)

    def day(number: int, month: int) -> float:
        since = datetime(2026, month, number, tzinfo=midnight)
        until = datetime(2026, month, number + 1, tzinfo=midnight)
        return rhythm.expected(known, since=since, until=until)

    assert day(29, 3) == pytest.approx(23)
    assert day(28, 3) == pytest.approx(24)
    assert day(25, 10) == pytest.approx(25)


@pytest.mark.parametrize("jitter", [0, 40])
def test_a_nightly_file_that_fails_to_come_is_noticed_that_morning(jitter: int) -> None:
    known = learnt(nightly(MONDAY, MONDAY + EIGHT_WEEKS, jitter=jitter))
    last = MONDAY + EIGHT_WEEKS + 2 * HOUR

    assert DAY + timedelta(minutes=jitter) < found_after(known, last) < DAY + 8 * HOUR


def test_a_holiday_is_like_a_sunday() -> None:
    known = learnt(office(MONDAY, MONDAY + EIGHT_WEEKS), zone=BERLIN)
    thursday = datetime(2026, 4, 2, 15, 45, tzinfo=UTC)  # before Good Friday
    easter = (date(2026, 4, 3), date(2026, 4, 6))

    assert found_after(known, thursday) < DAY
    assert found_after(known, thursday, days_off=easter) > 4 * DAY


def test_one_outage_does_not_make_it_deaf() -> None:
    arrivals = list(office(MONDAY, MONDAY + EIGHT_WEEKS))
    outage = (MONDAY + 4 * WEEK, MONDAY + 4 * WEEK + 3 * DAY)
    with_outage = [at for at in arrivals if not outage[0] <= at < outage[1]]
    wednesday = datetime(2026, 3, 4, 10, tzinfo=UTC)

    known, deaf = learnt(iter(arrivals)), learnt(iter(with_outage))

    assert found_after(deaf, wednesday) <= found_after(known, wednesday) + HOUR


def test_less_business_of_late_is_no_silence() -> None:
    before = by_chance(MONDAY, MONDAY + 7 * WEEK, per_hour=6, seed=3)
    lately = by_chance(MONDAY + 7 * WEEK, MONDAY + EIGHT_WEEKS, per_hour=2, seed=4)
    arrivals = [*before, *lately]
    known = learnt(iter(arrivals))
    usual = learnt(by_chance(MONDAY, MONDAY + EIGHT_WEEKS, per_hour=6, seed=3))

    assert sum(known.per_hour) < sum(usual.per_hour) / 2


@pytest.mark.parametrize(
    ("arrivals", "why"),
    [
        ([], "nothing was heard"),
        ([MONDAY + DAY * number for number in range(19)], "too few"),
        ([MONDAY + HOUR * number for number in range(400)], "too short a time"),
    ],
)
def test_nothing_is_claimed_of_what_is_not_known(arrivals: list[datetime], why: str) -> None:
    assert rhythm.learn(arrivals, zone="UTC") is None, why


@pytest.mark.parametrize("per_hour", [0.3, 1, 10, 60])
@pytest.mark.parametrize("seed", range(4))
def test_chance_alone_raises_no_alarm_and_an_end_is_noticed(per_hour: float, seed: int) -> None:
    told_until, end = MONDAY + EIGHT_WEEKS, MONDAY + EIGHT_WEEKS + 6 * WEEK
    arrivals = list(by_chance(MONDAY, end, per_hour=per_hour, seed=seed))
    known = learnt(at for at in arrivals if at < told_until)
    later = [at for at in arrivals if at >= told_until]

    alarms = [
        earlier
        for earlier, next_at in pairwise(later)
        if rhythm.is_silent(known, since=earlier, at=next_at)
    ]

    assert alarms == []
    at_noon = end.replace(hour=12)
    assert found_after(known, at_noon) < max(40 * HOUR / per_hour, 1.5 * HOUR)


slots = st.sets(st.integers(min_value=0, max_value=7 * 24 - 1), min_size=7, max_size=60)


@given(slots=slots, minute=st.integers(min_value=0, max_value=59))
def test_a_week_like_all_others_is_never_silent(slots: set[int], minute: int) -> None:
    def week(number: int) -> list[datetime]:
        return [
            MONDAY + number * WEEK + slot * HOUR + timedelta(minutes=minute)
            for slot in sorted(slots)
        ]

    known = rhythm.learn([at for number in range(6) for at in week(number)], zone="UTC")
    following = [week(5)[-1], *week(6)]

    assert known is not None
    for earlier, later in pairwise(following):
        assert not rhythm.is_silent(known, since=earlier, at=later)


@given(
    slots=slots,
    since=st.timedeltas(min_value=timedelta(), max_value=WEEK),
    spans=st.tuples(*[st.timedeltas(min_value=timedelta(), max_value=3 * WEEK)] * 2),
)
def test_silence_only_ends_by_a_word(
    slots: set[int], since: timedelta, spans: tuple[timedelta, timedelta]
) -> None:
    arrivals = [MONDAY + week * WEEK + slot * HOUR for week in range(6) for slot in sorted(slots)]
    known = rhythm.learn(arrivals, zone=BERLIN)
    start = MONDAY + 6 * WEEK + since

    assert known is not None
    sooner, later = (start + span for span in sorted(spans))
    if rhythm.is_silent(known, since=start, at=sooner):
        assert rhythm.is_silent(known, since=start, at=later)

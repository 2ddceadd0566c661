"""New cases go round those on duty, fairly, and stay with the team when nobody is."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connection

from exceptions import duty, intake
from exceptions.models import Case, Message
from reconciliation.models import Absence, Membership, Team
from tests.exceptions.people import WEDNESDAY, broken, install_product, operator, person
from tests.moves import walk

NIGHT = WEDNESDAY.replace(hour=23)


def deals(slug: str = "customer-ops") -> None:
    Team.objects.filter(slug=slug).update(hand_out=Team.HandOut.ROUND_ROBIN)


def away(user: User, *, at: datetime = WEDNESDAY) -> None:
    Absence.objects.create(
        user=user, starts_at=at, ends_at=at + timedelta(days=1), entered_by="x", entered_at=at
    )


def come(number: int, *, start: int = 0, at: datetime = WEDNESDAY) -> None:
    """Let cases come in that the product does not repair by itself."""
    for each in range(start, start + number):
        broken("active_not_paid", order=f"O-{each}", at=at)
    intake.take(limit=number, at=at)


def owners() -> list[str]:
    found = Case.objects.order_by("pk").values_list("owner__username", flat=True)
    return [name or "" for name in found]


@pytest.mark.django_db
def test_a_team_that_does_not_deal_leaves_its_cases_to_be_taken(installed: None) -> None:
    operator()

    come(1)

    assert owners() == [""]


@pytest.mark.django_db
def test_cases_go_round_those_on_duty_and_on_from_where_it_stopped(installed: None) -> None:
    deals()
    for name in ("a", "b", "c"):
        operator(name)

    come(4)
    come(2, start=4)

    assert owners() == ["a", "b", "c", "a", "b", "c"]
    assert Message.objects.filter(subject__contains="your turn").count() == 6


@pytest.mark.django_db
def test_it_skips_who_is_away_off_duty_switched_off_or_works_no_cases(installed: None) -> None:
    deals()
    for name in ("a", "b", "c", "d", "e"):
        operator(name)
    away(User.objects.get(username="a"))
    Membership.objects.filter(user__username="b").update(hours={"4": ["09:00", "17:00"]})
    User.objects.filter(username="c").update(is_active=False)
    User.objects.get(username="d").groups.clear()

    come(2)

    assert owners() == ["e", "e"]


@pytest.mark.django_db
def test_with_nobody_on_duty_it_stays_with_the_team(installed: None) -> None:
    deals()
    operator()

    come(1, at=NIGHT)

    known = Case.objects.get()
    assert (known.owner, known.team.slug) == (None, "customer-ops")


@pytest.mark.django_db
def test_what_the_product_repairs_first_is_not_dealt(installed: None) -> None:
    deals()
    operator()
    broken("invoice_sent_not_active")

    intake.take(limit=1, at=WEDNESDAY)

    assert Case.objects.get().next_automatic_at == WEDNESDAY
    assert owners() == [""]


@pytest.mark.django_db
def test_a_case_that_comes_again_goes_to_who_had_it_unless_they_are_away(installed: None) -> None:
    olga = operator()
    come(1)
    Case.objects.update(owner=olga)
    for is_away, wanted in ((False, "olga"), (True, "")):
        if is_away:
            away(olga)
        settled = Case.objects.order_by("-pk")[0]
        walk(
            settled, "SETTLED", at=WEDNESDAY,
            closed_at=WEDNESDAY, owner=olga, changed_at=WEDNESDAY,
        )  # fmt: skip
        settled.discrepancy.cleared_at = WEDNESDAY
        settled.discrepancy.save()

        come(1)

        assert owners()[-1] == wanted


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_deal_each_turn_once() -> None:
    install_product()
    deals()
    for name in ("a", "b", "c", "d"):
        operator(name)
    for number in range(40):
        broken("active_not_paid", order=f"O-{number}")
    start = Barrier(2)

    def work(_worker: int) -> None:
        start.wait()
        while intake.take(limit=5, at=WEDNESDAY):
            pass
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))

    assert Counter(owners()) == {"a": 10, "b": 10, "c": 10, "d": 10}
    assert len(set(Membership.objects.values_list("turn", flat=True))) == 4


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("hours", "zone", "moment", "is_on"),
    [
        ({}, "", "2026-11-04T07:59+00:00", False),  # the calendar's: 9 to 18 in Berlin
        ({}, "", "2026-11-04T08:00+00:00", True),
        ({}, "", "2026-11-07T10:00+00:00", False),  # a Saturday
        ({"3": ["09:00", "17:00"]}, "America/New_York", "2026-11-04T13:59+00:00", False),
        ({"3": ["09:00", "17:00"]}, "America/New_York", "2026-11-04T14:00+00:00", True),
        ({"3": ["22:00", "06:00"]}, "UTC", "2026-11-05T05:59+00:00", True),  # past midnight
        ({"3": ["22:00", "06:00"]}, "UTC", "2026-11-05T06:00+00:00", False),
        ({"3": ["22:00", "06:00"]}, "UTC", "2026-11-04T05:00+00:00", False),
        ({"5": ["09:00", "17:00"]}, "UTC", "2026-12-25T10:00+00:00", False),  # Christmas Day
    ],
)
def test_hours_are_those_of_the_person_else_of_the_team_and_holidays_are_off(
    hours: dict[str, list[str]],
    zone: str,
    moment: str,
    is_on: bool,  # noqa: FBT001
    installed: None,
) -> None:
    member = person("olga", "Operator").memberships.select_related("team__calendar").get()
    member.team.calendar.holidays_country = "DE"
    member.hours, member.time_zone = hours, zone

    assert duty.in_hours(member, at=datetime.fromisoformat(moment)) is is_on

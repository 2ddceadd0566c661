"""Who changes teams, what they may enter, what is kept of it, and where cases of the absent go."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from audit.queries import trail
from exceptions import absences, ownership, staffing
from exceptions.models import Case, Message
from exceptions.permissions import NotAllowed
from reconciliation.models import Absence, Calendar, Membership, Team
from tests.exceptions.people import WEDNESDAY, case, fresh, lead, operator, person

LATER = WEDNESDAY + timedelta(hours=1)
TOMORROW = WEDNESDAY + timedelta(days=1)
NO_HOURS: dict[str, tuple[str, str]] = {}

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]


def team(slug: str = "customer-ops") -> Team:
    return Team.objects.get(slug=slug)


def admin() -> User:
    return person("ada", "Admin", team="")


def actions() -> list[str]:
    return list(trail(stream="team", subject_id=team().pk).values_list("action", flat=True))


def gone(user: User, *, by: User | None = None, **more: object) -> Absence:
    given: dict[str, Any] = {
        "starts_at": WEDNESDAY,
        "ends_at": TOMORROW,
        "reason": "Holiday",
        **more,
    }
    return absences.enter(user=user, by=by or user, at=WEDNESDAY, **given)


def held_by(owner: User, order: str = "O-1") -> Case:
    made = case(order=order)
    ownership.claim(case_id=made.pk, by=owner, at=WEDNESDAY)
    return made


def test_a_change_of_a_team_is_on_the_trail_and_in_its_history() -> None:
    version = staffing.version_of(team())

    staffing.change_team(
        slug="customer-ops", name="Customers", calendar="Always", hand_out="ROUND_ROBIN",
        version=version, by=lead(), at=LATER,
    )  # fmt: skip

    newest = team().history.order_by("-history_id").first()
    assert (newest.name, newest.hand_out, newest.history_date) == (
        "Customers",
        "ROUND_ROBIN",
        LATER,
    )
    assert newest.history_user.username == "lena"
    assert actions() == ["team.changed"]


def test_an_old_form_changes_nothing() -> None:
    given: dict[str, Any] = {"slug": "customer-ops", "calendar": "Always", "hand_out": "OFF"}
    given |= {"version": staffing.version_of(team()), "by": lead(), "at": LATER}
    staffing.change_team(name="Customers", **given)

    with pytest.raises(staffing.StaffedMeanwhile, match="Lena changed it at"):
        staffing.change_team(name="Clients", **given)

    assert team().name == "Customers"


@pytest.mark.parametrize(
    ("name", "role", "slug"),
    [
        ("otto", "Operator", "customer-ops"),
        ("rosa", "Team lead", "revenue-ops"),
        ("ed", "Auditor", ""),
    ],
)
def test_only_the_teams_lead_or_an_admin_changes_it(name: str, role: str, slug: str) -> None:
    member, by = operator().memberships.get(), person(name, role, team=slug, is_lead=True)
    known: dict[str, Any] = {"slug": "customer-ops", "at": LATER, "by": by}
    settings: dict[str, Any] = {"name": "X", "calendar": "Always", "hand_out": "OFF", "version": 0}
    verbs: list[Callable[[], object]] = [
        lambda: staffing.add_member(**known, username="olga", is_lead=True),
        lambda: staffing.remove_member(**known, member_id=member.pk),
        lambda: staffing.change_team(**known, **settings),
        lambda: gone(member.user, by=by),
    ]

    for verb in verbs:
        with pytest.raises(NotAllowed):
            verb()
    assert actions() == []


def test_members_come_go_and_their_history_stays() -> None:
    by = lead()
    operator("rita", team="revenue-ops")

    added = staffing.add_member(
        slug="customer-ops", username="rita", is_lead=False, by=by, at=WEDNESDAY
    )
    held_by(added.user)
    staffing.remove_member(member_id=added.pk, slug="customer-ops", by=by, at=LATER)

    assert Case.objects.get().owner is None
    kept = Membership.history.filter(user=added.user, team=team()).order_by("history_id")
    assert [row.history_type for row in kept] == ["+", "-"]
    assert actions() == ["team.member_added", "team.member_removed"]


def test_the_last_member_stays_while_the_team_has_open_cases() -> None:
    member = operator().memberships.get()
    case()

    with pytest.raises(staffing.CannotStaff, match="last member"):
        staffing.remove_member(member_id=member.pk, slug="customer-ops", by=admin(), at=LATER)


@pytest.mark.parametrize(
    ("zone", "hours", "problem"),
    [
        ("Mars/Olympus", NO_HOURS, "time zone"),
        ("", {"1": ("09:00", "")}, "both times"),
        ("", {"1": ("9 o'clock", "17:00")}, "both times"),
        ("", {"1": ("09:00", "09:00")}, "another time"),
    ],
)
def test_hours_that_make_no_sense_are_refused(
    zone: str, hours: dict[str, tuple[str, str]], problem: str
) -> None:
    member = operator().memberships.get()

    with pytest.raises(staffing.CannotStaff, match=problem):
        staffing.change_member(
            member_id=member.pk, slug="customer-ops", is_lead=False, time_zone=zone, hours=hours,
            version=staffing.version_of(member), by=admin(), at=LATER,
        )  # fmt: skip


def test_a_calendar_is_changed_by_who_runs_every_team_that_follows_it() -> None:
    given: dict[str, Any] = {
        "slug": "customer-ops", "time_zone": "Europe/Madrid", "span": ("10:00", "00:00"),
        "weekdays": ["1", "6"], "country": "ES", "at": LATER,
        "version": staffing.version_of(team().calendar),
    }  # fmt: skip

    with pytest.raises(NotAllowed):
        staffing.change_calendar(**given, by=lead())
    changed = staffing.change_calendar(**given, by=admin())

    assert (changed.weekdays, changed.holidays_country) == ([1, 6], "ES")
    assert Calendar.history.filter(name="Office hours").count() == 2
    assert actions() == ["team.calendar_changed"]


def test_cases_of_who_goes_away_go_back_to_the_team() -> None:
    olga = operator()
    made = held_by(olga)

    gone(olga)

    known = fresh(made)
    assert (known.owner, known.state, known.team.slug) == (None, "NEW", "customer-ops")
    assert known.responded_at == WEDNESDAY
    row = trail(stream="case", subject_id=made.pk).order_by("-sequence")[0]
    assert (row.action, row.reason) == (
        "case.returned", "Olga is away until 10:00 on 05 Nov UTC.",
    )  # fmt: skip


def test_a_stand_in_gets_them_and_is_told() -> None:
    olga, otto = operator(), operator("otto")
    made = held_by(olga)

    gone(olga, stand_in=otto)

    assert (fresh(made).owner, fresh(made).state) == (otto, "IN_PROGRESS")
    assert Message.objects.get(recipient=otto).case == made


def test_a_stand_in_who_is_away_too_gets_nothing() -> None:
    olga, otto = operator(), operator("otto")
    made = held_by(olga)
    gone(otto)

    gone(olga, stand_in=otto)

    assert fresh(made).owner is None


def test_an_absence_that_begins_later_passes_cases_on_when_it_begins_and_once() -> None:
    olga = operator()
    made = held_by(olga)
    gone(olga, starts_at=LATER)
    assert fresh(made).owner == olga

    assert absences.take(limit=10, at=LATER - timedelta(seconds=1)) == 0
    assert absences.take(limit=10, at=LATER) == 1
    assert absences.take(limit=10, at=LATER) == 0

    assert fresh(made).owner is None


def test_who_is_snoozed_or_verifying_goes_on_without_the_owner() -> None:
    olga = operator()
    asleep = case(state="WAITING", waiting_for="snooze", owner=olga)
    proved = case(state="VERIFYING", owner=olga, order="O-2")

    gone(olga)

    assert [(fresh(each).state, fresh(each).owner) for each in (asleep, proved)] == [
        ("WAITING", None), ("VERIFYING", None),
    ]  # fmt: skip


def test_cases_of_a_switched_off_account_find_other_hands() -> None:
    olga = operator()
    made = held_by(olga)
    User.objects.filter(pk=olga.pk).update(is_active=False)

    absences.take(limit=10, at=LATER)

    assert fresh(made).owner is None


def test_nobody_is_given_work_while_away_and_again_when_back() -> None:
    olga, lena, made = operator(), lead(), case()
    absence = gone(olga)

    with pytest.raises(ownership.Cannot, match="away until"):
        ownership.assign(case_id=made.pk, to=olga, by=lena, at=LATER)
    absences.end(absence_id=absence.pk, by=olga, at=LATER)
    ownership.assign(case_id=made.pk, to=olga, by=lena, at=LATER)

    assert fresh(made).owner == olga
    assert actions() == ["team.absence_entered", "team.absence_ended"]
    assert Absence.history.count() == 3


@pytest.mark.parametrize(
    ("starts_at", "ends_at"),
    [(TOMORROW, WEDNESDAY), (WEDNESDAY - timedelta(days=2), WEDNESDAY - timedelta(days=1))],
)
def test_an_absence_ends_after_it_begins_and_not_before_now(
    starts_at: datetime, ends_at: datetime
) -> None:
    with pytest.raises(absences.CannotBeAway):
        gone(operator(), starts_at=starts_at, ends_at=ends_at)


def test_the_database_refuses_a_stand_in_for_oneself() -> None:
    olga = operator()

    with pytest.raises(IntegrityError, match="stand_in"), transaction.atomic():
        Absence.objects.create(
            user=olga, stand_in=olga, starts_at=WEDNESDAY, ends_at=TOMORROW, entered_by="x",
            entered_at=WEDNESDAY,
        )  # fmt: skip

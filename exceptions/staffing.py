"""Changes teams: what they are called, who is in them, their hours, and how work is handed out."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any
from zoneinfo import available_timezones

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.text import slugify

from audit.record import record
from exceptions import release
from exceptions.permissions import ADMIN, NotAllowed, check_can_run, name_of, roles
from reconciliation.meanwhile import overtaken
from reconciliation.models import Calendar, Membership, Team
from reconciliation.working_time import known_countries

_LONGEST_NAME, _LONGEST_SLUG = 64, 50
_DAYS = range(1, 8)


class CannotStaff(Exception):
    """Nothing was changed; `problems` says why, by the form's field ("" for the whole)."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


class StaffedMeanwhile(Exception):
    """Somebody else has changed the same since the form was opened."""


def version_of(row: Team | Membership | Calendar) -> int:
    """Give the number of a row's newest history: what a form was opened on."""
    newest = row.history.order_by("-history_id").values_list("history_id", flat=True).first()
    return int(newest or 0)


@transaction.atomic
def create_team(*, name: str, by: User, at: datetime) -> Team:
    """Make a team with the calendar of the catch-all; raises NotAllowed, CannotStaff."""
    if ADMIN not in roles(by):
        raise NotAllowed("Needs Admin.")
    name = _checked_name(name)
    slug = slugify(name)[:_LONGEST_SLUG]
    if not slug or Team.objects.filter(slug=slug).exists():
        raise CannotStaff({"name": "Choose a name that no team has, with letters or digits."})
    team = Team(slug=slug, name=name, calendar=Team.objects.get(is_catch_all=True).calendar)
    _sign(team, "made it", by=by, at=at)
    team.save()
    _record(team, "team.created", by=by, at=at, what=name)
    return team


@transaction.atomic
def change_team(
    *, slug: str, name: str, calendar: str, hand_out: str, version: int, by: User, at: datetime
) -> Team:
    """Change a team's name, calendar and how new cases are handed out.

    Raises NotAllowed, CannotStaff, StaffedMeanwhile, Team.DoesNotExist.
    """
    team = _locked(slug, by=by)
    _check_unchanged(team, version=version)
    found = Calendar.objects.filter(name=calendar).first()
    if found is None or hand_out not in Team.HandOut.values:
        raise CannotStaff({"calendar": "Choose from the lists."})
    wanted = {"name": _checked_name(name, team=team), "calendar": found, "hand_out": hand_out}
    changes = {
        field: [str(getattr(team, field)), str(value)]
        for field, value in wanted.items()
        if getattr(team, field) != value
    }
    if changes:
        _record(team, "team.changed", by=by, at=at, what=", ".join(changes), changes=changes)
        for field, value in wanted.items():
            setattr(team, field, value)
        _sign(team, "changed it", by=by, at=at)
        team.save()
    return team


@transaction.atomic
def add_member(*, slug: str, username: str, is_lead: bool, by: User, at: datetime) -> Membership:
    """Put a person into a team; raises NotAllowed, CannotStaff, Team.DoesNotExist."""
    team = _locked(slug, by=by)
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CannotStaff({"username": "Choose a person from the list."})
    if Membership.objects.filter(team=team, user=user).exists():
        raise CannotStaff({"username": f"{name_of(user)} is on {team.name} already."})
    added = Membership(team=team, user=user, is_lead=is_lead)
    _sign(added, "added", by=by, at=at)
    added.save()
    _record(
        team, "team.member_added", by=by, at=at, what=name_of(user), user=username, is_lead=is_lead
    )
    return added


@transaction.atomic
def change_member(
    *,
    member_id: int,
    slug: str,
    is_lead: bool,
    time_zone: str,
    hours: Mapping[str, tuple[str, str]],
    version: int,
    by: User,
    at: datetime,
) -> Membership:
    """Change whether a member leads, and the hours they work, by weekday in their own zone.

    `hours` has for each ISO weekday when work begins and ends, both empty on a day off; all empty
    stands for the hours of the team's calendar. Raises NotAllowed, CannotStaff, StaffedMeanwhile,
    Membership.DoesNotExist.
    """
    team = _locked(slug, by=by)
    member = Membership.objects.select_related("user").get(pk=member_id, team=team)
    _check_unchanged(member, version=version)
    wanted: dict[str, Any] = {
        "is_lead": is_lead,
        "time_zone": time_zone,
        "hours": _checked_hours(hours, time_zone=time_zone),
    }
    changes = {
        field: [getattr(member, field), value]
        for field, value in wanted.items()
        if getattr(member, field) != value
    }
    if changes:
        what = f"{name_of(member.user)}: {', '.join(changes).replace('_', ' ')}"
        _record(team, "team.member_changed", by=by, at=at, what=what, changes=changes)
        for field, value in wanted.items():
            setattr(member, field, value)
        _sign(member, "changed", by=by, at=at)
        member.save()
    return member


@transaction.atomic
def remove_member(*, member_id: int, slug: str, by: User, at: datetime) -> str:
    """Take a person out of a team; their open cases of it go back to it. Gives their name.

    Raises CannotStaff for the last member of a team with open cases, NotAllowed,
    Membership.DoesNotExist.
    """
    team = _locked(slug, by=by)
    member = Membership.objects.select_related("user").get(pk=member_id, team=team)
    name = name_of(member.user)
    is_last = not team.memberships.exclude(pk=member.pk).exists()
    if is_last and team.cases.filter(closed_at__isnull=True).exists():
        raise CannotStaff(
            {"": f"{name} is the last member, and {team.name} has open exceptions. Add another."}
        )
    _record(team, "team.member_removed", by=by, at=at, what=name, user=member.user.get_username())
    _sign(member, "removed", by=by, at=at)
    member.delete()
    for case in release.locked_cases_of(member.user).filter(team=team):
        why = f"{name} left {team.name}."
        release.pass_on(case, to=None, why=why, actor=by.get_username(), at=at)
    return name


@transaction.atomic
def change_calendar(
    *,
    slug: str,
    time_zone: str,
    span: tuple[str, str],
    weekdays: list[str],
    country: str,
    version: int,
    by: User,
    at: datetime,
) -> Calendar:
    """Change the calendar of a team, for every team that has it. Clocks that run keep their due.

    Raises NotAllowed unless `by` runs all of those teams, CannotStaff, StaffedMeanwhile.
    """
    calendar = Team.objects.select_related("calendar").get(slug=slug).calendar
    teams = list(
        Team.objects.select_for_update(no_key=True).filter(calendar=calendar).order_by("pk")
    )
    for team in teams:
        check_can_run(by, team)
    _check_unchanged(calendar, version=version)
    wanted = _checked_calendar(time_zone, span, weekdays, country)
    changes = {
        field: [str(getattr(calendar, field)), str(value)]
        for field, value in wanted.items()
        if getattr(calendar, field) != value
    }
    if changes:
        for team in teams:
            _record(
                team, "team.calendar_changed", by=by, at=at, what=calendar.name, changes=changes
            )
        for field, value in wanted.items():
            setattr(calendar, field, value)
        _sign(calendar, "changed it", by=by, at=at)
        calendar.save()
    return calendar


def _locked(slug: str, *, by: User) -> Team:
    team = Team.objects.select_for_update(no_key=True).get(slug=slug)
    check_can_run(by, team)
    return team


def _check_unchanged(row: Team | Membership | Calendar, *, version: int) -> None:
    if version != version_of(row):
        newest = row.history.order_by("-history_id").first()
        who = name_of(newest.history_user) if newest and newest.history_user else "Somebody"
        what = (newest.history_change_reason if newest else "") or "changed it"
        at = newest.history_date if newest else None
        raise StaffedMeanwhile(overtaken(who=who, what=what, at=at))


def _checked_name(text: str, *, team: Team | None = None) -> str:
    name = " ".join(text.split())
    if not 0 < len(name) <= _LONGEST_NAME:
        raise CannotStaff({"name": f"The name has 1 to {_LONGEST_NAME} characters."})
    others = Team.objects.exclude(pk=team.pk) if team else Team.objects.all()
    if others.filter(name=name).exists():
        raise CannotStaff({"name": f"Another team is named {name}."})
    return name


def _checked_hours(hours: Mapping[str, tuple[str, str]], *, time_zone: str) -> dict[str, list[str]]:
    if time_zone and time_zone not in available_timezones():
        raise CannotStaff({"time_zone": "Choose a time zone from the list, as Europe/Berlin."})
    found = {}
    for day in map(str, _DAYS):
        opens, closes = hours.get(day, ("", ""))
        if not opens and not closes:
            continue
        found[day] = [
            _checked_time(text, field="hours").isoformat("minutes") for text in (opens, closes)
        ]
        if found[day][0] == found[day][1]:
            raise CannotStaff({"hours": "A day's work ends at another time than it begins."})
    return found


def _checked_time(text: str, *, field: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise CannotStaff({field: "Enter both times of a day, as 09:00 and 17:30."}) from error


def _checked_calendar(
    time_zone: str, span: tuple[str, str], weekdays: list[str], country: str
) -> dict[str, Any]:
    problems = {}
    if time_zone not in available_timezones():
        problems["time_zone"] = "Choose a time zone from the list, as Europe/Berlin."
    days = sorted({int(day) for day in weekdays if day in map(str, _DAYS)})
    if not days:
        problems["weekdays"] = "Choose at least one weekday, or its clocks would never run out."
    if country and country not in known_countries():
        problems["country"] = "Choose a country from the list, or none."
    if problems:
        raise CannotStaff(problems)
    opens, closes = (_checked_time(text, field="hours") for text in span)
    # A day has no 24:00: midnight as the end stands for its last moment.
    closes = time.max if closes == time.min or closes == time(23, 59) else closes
    if opens >= closes:
        raise CannotStaff({"hours": "The day closes after it opens. 00:00 as the end is midnight."})
    return {
        "time_zone": time_zone,
        "opens": opens,
        "closes": closes,
        "weekdays": days,
        "holidays_country": country,
    }


def _sign(row: Team | Membership | Calendar, what: str, *, by: User, at: datetime) -> None:
    """Say on the history row who did it and when."""
    vars(row).update(_change_reason=what, _history_date=at, _history_user=by)


def _record(team: Team, action: str, *, by: User, at: datetime, **detail: object) -> None:
    record(
        stream="team",
        subject_id=team.pk,
        action=action,
        actor=by.get_username(),
        at=at,
        detail=dict(detail),
    )

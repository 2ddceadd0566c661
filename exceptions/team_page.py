"""Gathers what the pages of teams show: who is in them, who is on duty, and what waits there."""

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from audit.presenters import Line, lines
from audit.queries import trail
from exceptions import duty, words
from exceptions.duty import Member
from exceptions.permissions import ADMIN, name_of, refusal_to_run, roles
from exceptions.rows import Count
from reconciliation import sql
from reconciliation.models import Absence, Calendar, Membership, Team
from reconciliation.working_time import holidays_ahead, known_countries

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TO = "\u2013"
_AHEAD_DAYS, _MOST_HOLIDAYS, _MOST_CHANGES = 365, 8, 30


@dataclass(frozen=True)
class TeamRow:
    """One team of the list."""

    team: Team
    members: int
    open: Count
    over: Count
    on_duty: list[str]
    coming: int  # handoffs that wait for its answer
    href: str
    open_href: str
    over_href: str


@dataclass(frozen=True)
class MemberRow:
    """One member as the team's page shows them."""

    id: int
    name: str
    roles: str
    is_lead: bool
    tone: str
    now: str  # "On duty", "Off until …", "Away until …"
    open: int
    open_href: str
    zone: str
    week: list[tuple[str, str]]  # weekday and its hours, "" if off


@dataclass(frozen=True)
class AbsenceRow:
    """One absence that holds or is coming."""

    id: int
    name: str
    stand_in: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    is_now: bool
    may_end: bool


@dataclass(frozen=True)
class TeamDetail:
    """Everything a team's page shows."""

    row: TeamRow
    refusal: str  # why who reads it may not change it; "" if they may
    members: list[MemberRow]
    absences: list[AbsenceRow]
    holidays: list[tuple[str, str]]  # day, name
    country: str
    calendar_text: str
    shares_calendar: list[str]  # other teams that follow it
    addable: list[tuple[str, str]]
    people: list[tuple[str, str]]  # whose absence may be entered
    stand_ins: list[tuple[str, str]]
    changes: list[Line]


def team_rows(*, at: datetime) -> list[TeamRow]:
    """List the teams by name, with what waits for them and who is on duty."""
    teams = list(Team.objects.select_related("calendar").order_by("name"))
    rosters = duty.rosters(team_ids=[team.pk for team in teams], at=at)
    counts = _counts(at=at)
    return [_team_row(team, rosters[team.pk], counts[team.pk]) for team in teams]


def team_detail(*, slug: str, user: User, at: datetime) -> TeamDetail:
    """Give one team with all around it; raises Team.DoesNotExist."""
    team = Team.objects.select_related("calendar").get(slug=slug)
    members = duty.rosters(team_ids=[team.pk], at=at)[team.pk]
    members.sort(key=lambda member: (not member.membership.is_lead, name_of(member.user)))
    calendar, refusal = team.calendar, refusal_to_run(user, team)
    today = at.astimezone(ZoneInfo(calendar.time_zone)).date()
    ahead = holidays_ahead(country=calendar.holidays_country, since=today, days=_AHEAD_DAYS)
    company = [(date.fromisoformat(day), name) for day, name in calendar.company_days.items()]
    ahead = sorted([*ahead, *((day, name) for day, name in company if day >= today)])
    names = [(each.user.get_username(), name_of(each.user)) for each in members]
    return TeamDetail(
        row=_team_row(team, members, _counts(at=at)[team.pk]),
        refusal=refusal,
        members=[_member_row(each, team) for each in members],
        absences=_absences(members, user=user, refusal=refusal, at=at),
        holidays=[(f"{day:%a %-d %b %Y}", name) for day, name in ahead[:_MOST_HOLIDAYS]],
        country=known_countries().get(calendar.holidays_country, calendar.holidays_country),
        calendar_text=calendar_text(calendar),
        shares_calendar=_sharing(team),
        addable=[] if refusal else _addable(team),
        people=[each for each in names if not refusal or each[0] == user.get_username()],
        stand_ins=names,
        changes=lines(
            trail(stream="team", subject_id=team.pk).order_by("-sequence")[:_MOST_CHANGES]
        ),
    )


def calendar_text(calendar: Calendar) -> str:
    """Say a calendar's days, hours and zone."""
    days = ", ".join(WEEKDAYS[day - 1][:3] for day in calendar.weekdays)
    return f"{days}, {calendar.opens:%H:%M}{_TO}{_closing(calendar.closes)} {calendar.time_zone}"


def week_of(membership: Membership) -> list[tuple[str, str]]:
    """Say a member's hours for each weekday, their own or else those of the team's calendar."""
    calendar = membership.team.calendar
    usual = f"{calendar.opens:%H:%M}{_TO}{_closing(calendar.closes)}"
    return [
        (name, _day_text(membership, number, usual=usual if number in calendar.weekdays else ""))
        for number, name in enumerate(WEEKDAYS, start=1)
    ]


def _day_text(membership: Membership, number: int, *, usual: str) -> str:
    if not membership.hours:
        return usual
    return _TO.join(membership.hours.get(str(number), ()))


def _closing(closes: time) -> str:
    return "24:00" if closes == time.max else f"{closes:%H:%M}"


def _team_row(team: Team, members: list[Member], counted: tuple[int, int, int]) -> TeamRow:
    open_, over, coming = counted
    return TeamRow(
        team=team,
        members=len(members),
        open=words.count(open_),
        over=words.count(over),
        on_duty=[name_of(each.user) for each in members if each.is_on_duty],
        coming=coming,
        href=f"/teams/{team.slug}/",
        open_href=f"/exceptions/?f=team:is:{team.slug}",
        over_href=f"/exceptions/?f=team:is:{team.slug}&f=sla:is:over",
    )


def _counts(*, at: datetime) -> dict[int, tuple[int, int, int]]:
    """Count each team's open cases, those over their time, and handoffs that wait for it."""
    with connection.cursor() as cursor:
        cursor.execute(sql.load("team_counts"), {"at": at, "most": words.MOST_COUNTED + 1})
        return {team_id: tuple(counted) for team_id, *counted in cursor.fetchall()}


def _member_row(member: Member, team: Team) -> MemberRow:
    user, membership = member.user, member.membership
    tone, now = _now(member)
    return MemberRow(
        id=membership.pk,
        name=name_of(user),
        roles=", ".join(member.roles) or ("Admin" if user.is_superuser else "No role"),
        is_lead=membership.is_lead,
        tone=tone,
        now=now,
        open=user.cases.filter(team=team, closed_at__isnull=True).count(),
        open_href=f"/exceptions/?f=owner:is:{user.get_username()}&f=team:is:{team.slug}",
        zone=(membership.hours and membership.time_zone) or team.calendar.time_zone,
        week=week_of(membership),
    )


def _now(member: Member) -> tuple[str, str]:
    """Say how a member stands now, and in what tone."""
    if not member.user.is_active:
        return "none", "Account off"
    if member.absence is not None:
        until = timezone.localtime(member.absence.ends_at)
        return "warn", f"Away until {until:%H:%M on %-d %b}"
    if not member.works_cases:
        return "none", "Works no exceptions"
    return ("ok", "On duty") if member.is_in_hours else ("none", "Off duty")


def _absences(members: list[Member], *, user: User, refusal: str, at: datetime) -> list[AbsenceRow]:
    """List who is or will be away, the nearest first."""
    found = Absence.objects.filter(user__in=[each.user for each in members], ends_at__gt=at)
    return [
        AbsenceRow(
            id=each.pk,
            name=name_of(each.user),
            stand_in=name_of(each.stand_in) if each.stand_in else "",
            starts_at=each.starts_at,
            ends_at=each.ends_at,
            reason=each.reason,
            is_now=each.starts_at <= at,
            may_end=not refusal or each.user_id == user.pk,
        )
        for each in found.select_related("user", "stand_in").order_by("starts_at", "pk")
    ]


def _sharing(team: Team) -> list[str]:
    others = Team.objects.filter(calendar=team.calendar).exclude(pk=team.pk).order_by("name")
    return list(others.values_list("name", flat=True))


def _addable(team: Team) -> list[tuple[str, str]]:
    """List who is not on the team yet."""
    others = User.objects.filter(is_active=True).exclude(memberships__team=team)
    found = others.order_by("first_name", "last_name", "username")
    return [(user.get_username(), name_of(user)) for user in found]


def can_make_teams(user: User) -> bool:
    """Tell whether `user` may make a team."""
    return ADMIN in roles(user)

"""Tells who of a team is on duty: people who work cases, in their hours, and not away."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db.models import QuerySet

from exceptions.permissions import ADMIN, OPERATOR, TEAM_LEAD
from exceptions.sla import hours_of
from reconciliation.models import Absence, Calendar, Membership
from reconciliation.working_time import days_off, is_open

WORKERS = frozenset({OPERATOR, TEAM_LEAD, ADMIN})
Hours = Mapping[str, list[str]]  # as Membership.hours has them
_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Member:
    """One person of a team at one moment."""

    membership: Membership
    roles: tuple[str, ...]
    absence: Absence | None  # the one that holds now
    is_in_hours: bool

    @property
    def user(self) -> User:
        """Give the person."""
        return self.membership.user

    @property
    def works_cases(self) -> bool:
        """Tell whether the account is on and has a role that works cases."""
        works = self.user.is_superuser or bool(WORKERS & set(self.roles))
        return self.user.is_active and works

    @property
    def is_on_duty(self) -> bool:
        """Tell whether new work may go to them now."""
        return self.works_cases and self.absence is None and self.is_in_hours


def rosters(*, team_ids: Collection[int], at: datetime) -> dict[int, list[Member]]:
    """List the members of each team as they stand at a moment, in the order of their turns."""
    memberships = list(
        Membership.objects.filter(team_id__in=team_ids)
        .select_related("user", "team__calendar")
        .prefetch_related("user__groups")
        .order_by("team_id", "turn", "pk")
    )
    away = absences_now(users=[each.user_id for each in memberships], at=at)
    found: dict[int, list[Member]] = {team_id: [] for team_id in team_ids}
    for each in memberships:
        found[each.team_id].append(
            Member(
                membership=each,
                roles=tuple(sorted(group.name for group in each.user.groups.all())),
                absence=away.get(each.user_id),
                is_in_hours=in_hours(each, at=at),
            )
        )
    return found


def absences_now(*, users: Collection[int], at: datetime) -> dict[int, Absence]:
    """Find who of these people is away, and by which absence: the one that lasts longest."""
    found = current(at=at).filter(user_id__in=users).select_related("stand_in")
    return {each.user_id: each for each in found.order_by("ends_at")}


def current(*, at: datetime) -> QuerySet[Absence]:
    """Give the absences that hold at a moment."""
    return Absence.objects.filter(starts_at__lte=at, ends_at__gt=at)


def in_hours(membership: Membership, *, at: datetime) -> bool:
    """Tell whether a moment is in a member's own hours, or else in those of the team's calendar.

    A holiday of the team's calendar, or of the company, is off for all of the team.
    """
    calendar = membership.team.calendar
    if not membership.hours:
        return is_open(at=at, hours=hours_of(calendar))
    zone = ZoneInfo(membership.time_zone or calendar.time_zone)
    today = at.astimezone(zone).date()
    return any(
        start <= at < end
        for start, end in (
            _shift(day, membership.hours, zone, is_off=_is_off(calendar, day))
            for day in (today - _A_DAY, today)  # yesterday's may reach past midnight
        )
    )


def _is_off(calendar: Calendar, day: date) -> bool:
    in_country = days_off(calendar.holidays_country, day.year)
    return day in in_country or day.isoformat() in calendar.company_days


def _shift(day: date, hours: Hours, zone: ZoneInfo, *, is_off: bool) -> tuple[datetime, datetime]:
    """Give one day's working time in UTC; empty on a day off."""
    named = hours.get(str(day.isoweekday()))
    if not named or is_off:
        midnight = datetime.combine(day, time.min, zone).astimezone(UTC)
        return midnight, midnight
    opens, closes = (time.fromisoformat(text) for text in named)
    last = day if closes > opens else day + _A_DAY
    return (
        datetime.combine(day, opens, zone).astimezone(UTC),
        datetime.combine(last, closes, zone).astimezone(UTC),
    )

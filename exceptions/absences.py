"""Lets people be away: entered, ended early, and their cases put into other hands meanwhile."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from audit.record import record_all
from exceptions import release
from exceptions.permissions import ADMIN, TEAM_LEAD, NotAllowed, name_of, roles, teams_of
from reconciliation import one_by_one
from reconciliation.models import Absence, Membership, Team

ACTOR = "service:absence"


class CannotBeAway(Exception):
    """The absence makes no sense as it was entered; the message may be shown."""


def take(*, limit: int, at: datetime) -> int:
    """Pass on the cases of up to `limit` people who went away or were switched off."""
    begun = Absence.objects.filter(
        handed_back_at__isnull=True, starts_at__lte=at, ends_at__gt=at
    ).order_by("starts_at", "pk")
    off = User.objects.filter(is_active=False, cases__closed_at__isnull=True, cases__isnull=False)
    return one_by_one.do(
        stage="absence",
        ids=one_by_one.line_up(begun, stage="absence", limit=limit),
        each=lambda pk: _begin(absence_id=pk, at=at),
    ) + one_by_one.do(
        stage="switched off",
        ids=one_by_one.line_up(off.distinct().order_by("pk"), stage="switched off", limit=limit),
        each=lambda pk: _pass_on_of_switched_off(user_id=pk, at=at),
    )


@transaction.atomic
def enter(
    *,
    user: User,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    by: User,
    at: datetime,
    stand_in: User | None = None,
) -> Absence:
    """Say that a person is away. From the moment it begins their open cases are passed on.

    Raises CannotBeAway, NotAllowed unless `by` is that person, their lead or an admin.
    """
    check_can_enter(by, user)
    if ends_at <= starts_at or ends_at <= at:
        raise CannotBeAway("The end is after the begin, and not past. Nothing was saved.")
    if stand_in is not None and stand_in.pk == user.pk:
        raise CannotBeAway("Nobody stands in for themselves. Choose another person.")
    teams = _locked_teams_of(user)
    absence = Absence(
        user=user,
        stand_in=stand_in,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason.strip()[:200],
        entered_by=by.get_username(),
        entered_at=at,
    )
    _record(absence, teams, "team.absence_entered", by=by, at=at)
    absence.save()
    if starts_at <= at:
        _pass_on(absence, at=at)
    return absence


@transaction.atomic
def end(*, absence_id: int, by: User, at: datetime) -> Absence:
    """Let an absence end now, or not begin at all. What was passed on stays where it is.

    Raises CannotBeAway if it is over, NotAllowed, Absence.DoesNotExist.
    """
    found = Absence.objects.select_for_update(of=("self",)).select_related("user", "stand_in")
    absence = found.get(pk=absence_id)
    check_can_enter(by, absence.user)
    if absence.ends_at <= at:
        raise CannotBeAway("That absence is over already. Nothing changed.")
    absence.ends_at = at
    absence.starts_at = min(absence.starts_at, at)
    _record(absence, _locked_teams_of(absence.user), "team.absence_ended", by=by, at=at)
    absence.save()
    return absence


def check_can_enter(by: User, user: User) -> None:
    """Raise NotAllowed unless `by` may say when `user` is away: themselves, a lead, an admin."""
    held = roles(by)
    if ADMIN in held or by.pk == user.pk:
        return
    led = Membership.objects.filter(user=by, is_lead=True).values("team")
    if TEAM_LEAD not in held or not Membership.objects.filter(user=user, team__in=led).exists():
        raise NotAllowed(f"Needs {name_of(user)}, their Team lead, or Admin.")


@transaction.atomic
def _begin(*, absence_id: int, at: datetime) -> bool:
    found = Absence.objects.select_for_update(skip_locked=True, of=("self",))
    absence = found.select_related("user", "stand_in").filter(pk=absence_id).first()
    if absence is None or absence.handed_back_at is not None or absence.ends_at <= at:
        return False
    _pass_on(absence, at=at)
    return True


def _pass_on(absence: Absence, *, at: datetime) -> None:
    why = f"{name_of(absence.user)} is away until {absence.ends_at:%H:%M on %d %b} UTC."
    for case in release.locked_cases_of(absence.user):
        release.pass_on(case, to=absence.stand_in, why=why, actor=ACTOR, at=at)
    absence.handed_back_at = at
    absence.save()


@transaction.atomic
def _pass_on_of_switched_off(*, user_id: int, at: datetime) -> bool:
    user = User.objects.get(pk=user_id)
    held = list(release.locked_cases_of(user))
    for case in held:
        why = f"The account of {name_of(user)} is switched off."
        release.pass_on(case, to=None, why=why, actor=ACTOR, at=at)
    return bool(held)


def _locked_teams_of(user: User) -> list[Team]:
    """Lock a person's teams: their trails tell of it, and nothing is dealt meanwhile."""
    return list(teams_of(user).select_for_update(no_key=True).order_by("pk"))


def _record(absence: Absence, teams: list[Team], action: str, *, by: User, at: datetime) -> None:
    vars(absence).update(_change_reason=action, _history_date=at, _history_user=by)
    record_all(
        {
            "stream": "team",
            "subject_id": team.pk,
            "action": action,
            "actor": by.get_username(),
            "at": at,
            "reason": absence.reason,
            "detail": {
                "what": f"{name_of(absence.user)}, {absence.starts_at:%d %b %H:%M} to"
                f" {absence.ends_at:%d %b %H:%M} UTC",
                "user": absence.user.get_username(),
                "starts_at": absence.starts_at.isoformat(),
                "ends_at": absence.ends_at.isoformat(),
                "stand_in": absence.stand_in.get_username() if absence.stand_in else "",
            },
        }
        for team in teams
    )

"""Keeps the days off of the whole company: in every calendar, beside the holidays of each."""

from datetime import date, datetime

from django.contrib.auth.models import User
from django.db import transaction

from audit.record import record
from exceptions.permissions import ADMIN, NotAllowed, roles
from reconciliation.models import Calendar, Team

_LONGEST = 64


class CannotClose(Exception):
    """The day cannot be a day off; the message may be shown."""


def refusal(by: User) -> str:
    """Say why `by` may not change the company's days off; "" if they may."""
    return "" if ADMIN in roles(by) else "Needs Admin."


def days() -> list[tuple[date, str]]:
    """List the company's days off in their order, past ones too."""
    calendar = Calendar.objects.order_by("pk").first()
    known = calendar.company_days if calendar else {}
    return [(date.fromisoformat(day), name) for day, name in sorted(known.items())]


@transaction.atomic
def add(*, day: date, name: str, by: User, at: datetime) -> None:
    """Make a day a day off for everyone. Clocks that run keep their due.

    Raises NotAllowed; CannotClose for a day that is over, known already, or without a name.
    """
    calendars, name = _locked(by), " ".join(name.split())
    if not 0 < len(name) <= _LONGEST:
        raise CannotClose(f"Say what day it is, in up to {_LONGEST} characters. Nothing changed.")
    if day < at.date():
        raise CannotClose("Choose a day that is not over. Nothing changed.")
    if known := calendars[0].company_days.get(day.isoformat()):
        raise CannotClose(f"It is a day off already: {known}. Nothing changed.")
    for calendar in calendars:
        calendar.company_days[day.isoformat()] = name
    _save(calendars, "team.day_off_added", f"{day:%-d %b %Y}, {name}", by=by, at=at)


@transaction.atomic
def remove(*, day: date, by: User, at: datetime) -> str:
    """Make a day off a working day again; gives what it was. Raises NotAllowed, CannotClose."""
    calendars = _locked(by)
    names = [calendar.company_days.pop(day.isoformat(), "") for calendar in calendars]
    if not names[0]:
        raise CannotClose("It is no day off any more. Nothing changed.")
    _save(calendars, "team.day_off_removed", f"{day:%-d %b %Y}, {names[0]}", by=by, at=at)
    return str(names[0])


def _locked(by: User) -> list[Calendar]:
    """Lock every calendar, behind the teams as whoever changes one calendar does."""
    if why_not := refusal(by):
        raise NotAllowed(why_not)
    list(Team.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    return list(Calendar.objects.select_for_update(no_key=True).order_by("pk"))


def _save(calendars: list[Calendar], action: str, what: str, *, by: User, at: datetime) -> None:
    for team in Team.objects.order_by("pk"):
        record(
            stream="team",
            subject_id=team.pk,
            action=action,
            actor=by.get_username(),
            at=at,
            detail={"what": what},
        )
    for calendar in calendars:
        vars(calendar).update(_change_reason=what, _history_date=at, _history_user=by)
        calendar.save()

"""Takes a case out of the hands of someone who cannot work it now, and puts it into others'."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import QuerySet

from exceptions import duty, messages
from exceptions.desk import keep
from exceptions.models import Case
from exceptions.permissions import NotAllowed, check_can_receive, name_of


def locked_cases_of(user: User) -> QuerySet[Case]:
    """Lock the open cases that a person owns, in the order of their ids."""
    held = Case.objects.select_for_update(of=("self",)).select_related("team", "owner", "order")
    return held.filter(owner=user, closed_at__isnull=True).order_by("pk")


def pass_on(
    case: Case,
    *,
    to: User | None,
    why: str,
    actor: str,
    at: datetime,
    action: str = "case.returned",
) -> None:
    """Give a locked case to the stand-in if they work its team's cases, else back to the team.

    Its state says where the work stands, so what waits or verifies goes on doing so.
    """
    before, earlier = case.state, case.owner
    stand_in = to if to is not None and _can_take(to, case, at=at) else None
    if stand_in is not None:
        case.owner, words = stand_in, f"gave it to {name_of(stand_in)}: {why}"
    elif case.state in (Case.State.NEW, Case.State.IN_PROGRESS):
        case.release()
        words = f"gave it back to {case.team.name}: {why}"
    else:
        case.owner, words = None, f"gave it back to {case.team.name}: {why}"
    keep(
        case,
        action=action,
        words=words,
        actor=actor,
        at=at,
        from_state=before,
        reason=why,
        detail={
            "from": name_of(earlier) if earlier else "",
            "to": name_of(stand_in) if stand_in else case.team.name,
        },
    )
    if stand_in is not None:
        messages.tell_people(
            case=case,
            people=[stand_in],
            subject=f"Exception #{case.pk} is yours: {why}",
            text=f"{case.severity}, {case.team.name}.",
            at=at,
        )


def _can_take(person: User, case: Case, *, at: datetime) -> bool:
    """Tell whether a person works this team's cases and is not away themselves."""
    try:
        check_can_receive(person, case.team)
    except NotAllowed:
        return False
    return not duty.absences_now(users=[person.pk], at=at)

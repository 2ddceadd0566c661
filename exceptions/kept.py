"""Says what a case is about that is no order, and what may be done with it."""

from exceptions.correcting import CORRECTABLE, PARKED, QUARANTINED
from exceptions.models import Case
from exceptions.rows import Kept, Permission
from reconciliation.models import Event

_MOST_PROBLEMS = 20


def kept_of(case: Case, *, why_not: str) -> Kept | None:
    """Describe the message or the event; `why_not` says why this person may not work on it."""
    found = case.discrepancy
    closed = "" if case.is_open else f"It is {case.get_state_display().lower()}."
    allowed = Permission(not (refusal := why_not or closed), refusal)
    if found.rejection is not None:
        errors = found.rejection.errors[:_MOST_PROBLEMS]
        return Kept(
            title=f"Message {found.rejection.pk} from {found.rejection.source.name}",
            href=f"/events/rejected/{found.rejection.pk}/",
            problems=[(str(each["pointer"]), str(each["detail"])) for each in errors],
            correct=allowed,
            retry=None,
            wait=None,
        )
    if found.event is None:
        return None
    event = found.event
    is_quarantined = event.status == Event.Status.QUARANTINED
    return Kept(
        title=f"{event.type} {event.event_id} from {event.source.name}",
        href=f"/events/{event.pk}/",
        problems=[("", str(reason)) for reason in event.reasons[:_MOST_PROBLEMS]],
        correct=allowed if case.check_name in CORRECTABLE else None,
        retry=allowed if case.check_name == QUARANTINED and is_quarantined else None,
        wait=allowed if case.check_name == PARKED else None,
    )

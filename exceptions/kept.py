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
    sent = found.rejection.resent_as if found.rejection else _corrected(found.event)
    sent_as = f"{sent.type} {sent.event_id}" if sent else ""
    sent_href = f"/events/{sent.pk}/" if sent else ""
    if found.rejection is not None:
        errors = found.rejection.errors[:_MOST_PROBLEMS]
        return Kept(
            title=f"Message {found.rejection.pk} from {found.rejection.source.name}",
            href=f"/events/rejected/{found.rejection.pk}/",
            problems=[(str(each["pointer"]), str(each["detail"])) for each in errors],
            correct=None if sent else allowed,
            retry=None,
            wait=None,
            sent_as=sent_as,
            sent_href=sent_href,
        )
    if found.event is None:
        return None
    event = found.event
    is_quarantined = event.status == Event.Status.QUARANTINED
    return Kept(
        title=f"{event.type} {event.event_id} from {event.source.name}",
        href=f"/events/{event.pk}/",
        problems=[("", str(reason)) for reason in event.reasons[:_MOST_PROBLEMS]],
        correct=allowed if case.check_name in CORRECTABLE and not sent else None,
        retry=allowed if case.check_name == QUARANTINED and is_quarantined else None,
        wait=allowed if case.check_name == PARKED and event.status == "PARKED" else None,
        sent_as=sent_as,
        sent_href=sent_href,
    )


def _corrected(event: Event | None) -> Event | None:
    return None if event is None else Event.objects.filter(corrects=event).order_by("pk").first()

"""Lets a person say that what was taken for a repetition is a fact of its own."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from audit.record import record
from reconciliation.models import Event, Order

MAY_JUDGE = frozenset({"Operator", "Team lead", "Admin"})


class NotAllowed(Exception):
    """This person may not judge duplicates; the message may be shown to them."""


class CannotSetApart(Exception):
    """The event is no duplicate now; the message may be shown."""


def refusal_to_judge(user: User) -> str:
    """Say why `user` may not judge duplicates; "" if they may."""
    if user.is_superuser or user.groups.filter(name__in=MAY_JUDGE).exists():
        return ""
    return "Needs Operator or Team lead. An Admin can give you that role."


@transaction.atomic
def set_apart(*, event_id: int, by: User, at: datetime) -> Event:
    """Say that an event is no duplicate: it is applied anew and counts, now and in a replay.

    Raises Event.DoesNotExist, NotAllowed, CannotSetApart.
    """
    order_id = Event.objects.only("order").get(pk=event_id).order_id
    if refusal := refusal_to_judge(by):
        raise NotAllowed(refusal)
    if order_id is not None:  # its trail is written, so its lock comes first
        Order.objects.select_for_update(no_key=True).get(pk=order_id)
    event = Event.objects.select_for_update(no_key=True).get(pk=event_id)
    if event.status != Event.Status.DUPLICATE:
        raise CannotSetApart("It is not taken for a duplicate, or no longer. Nothing changed.")
    record(
        stream="source" if order_id is None else "order",
        subject_id=order_id or event.source_id,
        action="event.set_apart",
        actor=by.username,
        at=at,
        cause_event_id=event.pk,
        detail={
            "event": event.pk,
            "what": f"{event.type} {event.reference}",
            "duplicate_of": event.duplicate_of_id,
        },
    )
    event.status = Event.Status.RECEIVED
    event.duplicate_of = None
    event.is_distinct = True
    event.save(update_fields=["status", "duplicate_of", "is_distinct"])
    return event

"""Drops bytes as received once they were kept for their time; digests and bodies stay for ever."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.utils.module_loading import import_string

from audit.record import record
from reconciliation import people, uploads
from reconciliation.models import (
    Event,
    EventConflict,
    Installation,
    RejectedEvent,
    SubjectData,
    UnusedMessage,
)

ACTOR = "service:retention"
_UNAPPLIED = (Event.Status.PARKED, Event.Status.QUARANTINED)


@transaction.atomic
def take(*, limit: int, at: datetime) -> int:
    """Drop what is past its time, up to `limit` of each kind; says how many rows had something."""
    before = at - timedelta(days=settings.RAW_KEPT_DAYS)
    counts = {
        "events": _drop_events(before, limit),
        "other_bodies": _drop_conflicts(before, limit),
        "rejections": _drop_rejections(before, limit),
        "unused": _drop_unused(before, limit),
        "bodies": _take_out_people(before, limit),
        "files": uploads.forget(limit=limit, at=at),
    }
    for name, path in settings.ALSO_DROPS.items():  # the apps above, which this one does not import
        counts[name] = import_string(path)(limit=limit, at=at)
    done = sum(counts.values())
    if done:
        Installation.objects.select_for_update().first()  # the trail's subject of such rows
        what = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())
        record(
            stream="system",
            subject_id=1,
            action="retention.swept",
            actor=ACTOR,
            at=at,
            detail={"what": what, "before": before, **counts},
        )
    return done


def _drop_events(before: datetime, limit: int) -> int:
    found = Event.objects.filter(raw__isnull=False, received_at__lt=before).order_by("received_at")
    # An event that is not applied yet is applied from its body; its bytes are for people alone.
    ids = found.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
    return Event.objects.filter(pk__in=list(ids[:limit])).update(raw=None)


def _drop_conflicts(before: datetime, limit: int) -> int:
    """Drop other bodies past their time, and at once those of people who are erased."""
    erased = SubjectData.objects.filter(erased_at__isnull=False).values("key")
    key = KeyTextTransform("key", KeyTextTransform("customer", F("event__data")))
    kept = EventConflict.objects.exclude(raw=b"").annotate(person=key)
    ids = kept.filter(Q(received_at__lt=before) | Q(person__in=erased)).values_list("pk", flat=True)
    return EventConflict.objects.filter(pk__in=list(ids[:limit])).update(raw=b"")


def _drop_rejections(before: datetime, limit: int) -> int:
    kept = RejectedEvent.objects.exclude(raw=b"").filter(received_at__lt=before)
    ids = list(kept.order_by("pk").values_list("pk", flat=True)[:limit])
    return RejectedEvent.objects.filter(pk__in=ids).update(raw=b"")


def _drop_unused(before: datetime, limit: int) -> int:
    kept = UnusedMessage.objects.filter(raw__isnull=False, received_at__lt=before)
    ids = list(kept.order_by("pk").values_list("pk", flat=True)[:limit])
    return UnusedMessage.objects.filter(pk__in=ids).update(raw=None)


def _take_out_people(before: datetime, limit: int) -> int:
    """Move the personal fields of events that could not be applied to where they belong."""
    named = Event.objects.filter(
        Q(data__customer__has_key="name") | Q(data__customer__has_key="email"),
        status__in=_UNAPPLIED,
        received_at__lt=before,
    )
    events = list(named.select_for_update(skip_locked=True, no_key=True).order_by("pk")[:limit])
    for event in events:
        customer = event.data["customer"]
        erased = people.keep([people.person_in(customer)])
        event.data["customer"] = people.stays(customer, erased=erased)
        event.save(update_fields=["data"])
    return len(events)

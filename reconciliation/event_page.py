"""Tells everything about one thing that a source has said: as received, and what became of it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from reconciliation.duplicates import refusal_to_judge
from reconciliation.event_list import STATUSES
from reconciliation.models import Event, EventConflict, RejectedEvent

# Bytes as received may name people; the body that is kept for ever does not.
SEE_BYTES = frozenset({"Operator", "Team lead", "Platform owner", "Admin"})
_MOST_RELATED = 20
_LONGEST_SHOWN = 100_000  # of a body, in characters


@dataclass(frozen=True)
class Related:
    """Another event that this one has to do with."""

    text: str  # how they are related
    id: int
    name: str
    status: str


@dataclass(frozen=True)
class Body:
    """Bytes as received; `text` is empty where they are not shown, and `why_not` says why."""

    text: str
    sha256: str
    received_at: datetime
    why_not: str = ""


@dataclass(frozen=True)
class EventDetail:
    """One event."""

    event: Event
    status: str
    tone: str
    reasons: list[str]
    order: str
    order_href: str
    related: list[Related]
    raw: Body
    others: list[Body]  # other bodies under its identity, none of them applied
    data: dict[str, Any]
    differs: list[str]  # fields that the event which it repeats states otherwise
    judge_refusal: str  # why this person may not call it distinct; empty: they may


@dataclass(frozen=True)
class RejectionDetail:
    """One message that was no event."""

    rejected: RejectedEvent
    errors: list[dict[str, str]]
    raw: Body


def event_detail(*, event_id: int, user: User) -> EventDetail:
    """Give one event; raises Event.DoesNotExist. The bytes are for some roles only."""
    related = ("source", "order", "duplicate_of", "corrects")
    event = Event.objects.select_related(*related).get(pk=event_id)
    words, tone = STATUSES[event.status]
    refusal = refusal_to_see_bytes(user)
    return EventDetail(
        event=event,
        status=words,
        tone=tone,
        reasons=[str(each) for each in event.reasons],
        order=event.order.canonical_id if event.order else event.order_reference,
        order_href=f"/orders/{event.order.canonical_id}/" if event.order else "",
        related=_related(event),
        raw=_body(event.raw, event.sha256, event.received_at, refusal),
        others=[
            _body(other.raw, other.sha256, other.received_at, refusal)
            for other in EventConflict.objects.filter(event=event).order_by("pk")[:_MOST_RELATED]
        ],
        data=event.data,
        differs=_differing(event, event.duplicate_of),
        judge_refusal=refusal_to_judge(user),
    )


def rejection_detail(*, rejected_id: int, user: User) -> RejectionDetail:
    """Give one rejected message; raises RejectedEvent.DoesNotExist."""
    rejected = RejectedEvent.objects.select_related("source", "resent_as").get(pk=rejected_id)
    refusal = refusal_to_see_bytes(user)
    return RejectionDetail(
        rejected=rejected,
        errors=list(rejected.errors),
        raw=_body(rejected.raw, rejected.sha256, rejected.received_at, refusal),
    )


def refusal_to_see_bytes(user: User) -> str:
    """Say why `user` may not see bytes as received; "" if they may."""
    if user.is_superuser or user.groups.filter(name__in=SEE_BYTES).exists():
        return ""
    return "Bytes as received may name people. They are shown to those who work exceptions."


def _differing(event: Event, root: Event | None) -> list[str]:
    """Name the fields in which a repetition is no mere repetition."""
    if root is None:
        return []
    names = sorted((event.data.keys() | root.data.keys()) - {"customer"})
    return [name for name in names if event.data.get(name) != root.data.get(name)]


def _related(event: Event) -> list[Related]:
    """List the events that this one repeats, is repeated by, corrects or is corrected by."""
    found: list[tuple[str, Event]] = []
    if event.duplicate_of is not None:
        found.append(("Says again what was said by", event.duplicate_of))
    if event.corrects is not None:
        found.append(("Corrects", event.corrects))
    repeats = Event.objects.filter(duplicate_of=event).order_by("pk")[:_MOST_RELATED]
    corrections = Event.objects.filter(corrects=event).order_by("pk")[:_MOST_RELATED]
    found += [("Was said again by", other) for other in repeats]
    found += [("Was corrected by", other) for other in corrections]
    return [
        Related(text, other.pk, f"{other.type} {other.event_id}", STATUSES[other.status][0])
        for text, other in found
    ]


def _body(
    raw: bytes | memoryview | None, sha256: bytes | memoryview, at: datetime, refusal: str
) -> Body:
    digest = bytes(sha256).hex()
    if refusal:
        return Body("", digest, at, refusal)
    if not raw:
        return Body(
            "",
            digest,
            at,
            "The bytes were kept for their time, or held someone who was erased, and are gone.",
        )
    return Body(_readable(bytes(raw)), digest, at)


def _readable(raw: bytes) -> str:
    """Write bytes for reading: laid out if they are JSON, else as they are."""
    text = raw.decode(errors="replace")
    try:
        laid_out = json.dumps(json.loads(text, parse_float=str), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        laid_out = text
    is_cut = len(laid_out) > _LONGEST_SHOWN
    return f"{laid_out[:_LONGEST_SHOWN]}\n… cut here" if is_cut else laid_out

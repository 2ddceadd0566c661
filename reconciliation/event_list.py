"""Lists what sources have said: events, messages that were no events, other bodies under a used id.

Newest first, by arrival, which is the order of their numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from reconciliation.fields import Choice, Flag, Moment, Registry, Text
from reconciliation.fields.kinds import Asked
from reconciliation.models import Alias, Event, EventConflict, RejectedEvent, Source
from reconciliation.sources import canonical

CAP = 1_000
PAGE_SIZE = 50
_LONGEST_ID = 18  # digits that a bigint surely holds
_MOST_FOUND = 1_000  # rows that a search by name leads to
EVENTS, REJECTED, CONFLICTS = "", "rejected", "conflicts"
STATUSES: Mapping[str, tuple[str, str]] = {
    "RECEIVED": ("Not applied yet", "info"),
    "APPLIED": ("Applied", "ok"),
    "PARKED": ("Waits for its order", "pause"),
    "DUPLICATE": ("Said before, counted once", "none"),
    "QUARANTINED": ("Could not be applied", "bad"),
    "CORRECTED": ("Sent again, corrected", "ok"),
    "DISMISSED": ("Not ours, set aside", "none"),
}


@dataclass(frozen=True)
class _Resent(Flag):
    """Whether what was rejected has come again as an event."""

    def _leaf(self, operator: str, wanted: Any, asked: Asked) -> Q:  # noqa: ANN401 - as its base
        is_missing = super()._leaf("is_empty", None, asked)
        assert operator == "is"
        return ~is_missing if wanted else is_missing


@dataclass(frozen=True)
class Listed:
    """One thing that a source has said, in a list."""

    id: int
    href: str
    what: str  # its type, or why it is none
    name: str  # as its sender names it
    source: str
    source_slug: str
    status: str
    tone: str
    order: str  # the order's name, ours where it is known
    order_href: str
    received_at: datetime
    note: str = ""


@dataclass(frozen=True)
class EventPage:
    """Some of them; `older_than` leads to the next ones, 0 at the end."""

    rows: list[Listed]
    older_than: int


def _source_names() -> list[tuple[str, str]]:
    return list(Source.objects.order_by("name").values_list("slug", "name"))


def _types() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(canonical.types())]


_STATUS_CHOICES = [(value, words) for value, (words, _) in STATUSES.items()]
FIELDS: Mapping[str, Registry] = {
    EVENTS: Registry(
        [
            Choice("source", "Source", ("source__slug",), choices=_source_names),
            Choice("status", "Status", ("status",), choices=_STATUS_CHOICES),
            Choice("type", "Type", ("type",), choices=_types),
            Text("order", "Order as named", ("order_reference",)),
            Text("reference", "Outside reference", ("reference",)),
            Text("sender", "Sender", ("sender",)),
            Moment("received_at", "Received", ("received_at",)),
            Moment("occurred_at", "Happened", ("occurred_at",)),
            Moment("applied_at", "Applied on", ("applied_at",)),
        ]
    ),
    REJECTED: Registry(
        [
            Choice("source", "Source", ("source__slug",), choices=_source_names),
            _Resent("resent", "Corrected and sent again", ("resent_as",)),
            Text("content_type", "Content type", ("content_type",)),
            Moment("received_at", "Received", ("received_at",)),
        ]
    ),
    CONFLICTS: Registry(
        [
            Choice("source", "Source", ("event__source__slug",), choices=_source_names),
            Choice("type", "Type", ("event__type",), choices=_types),
            Moment("received_at", "Received", ("received_at",)),
        ]
    ),
}


def event_page(
    *, kind: str, conditions: Sequence[dict[str, Any]], search: str, older_than: int, at: datetime
) -> EventPage:
    """Give one page of a kind: `EVENTS`, `REJECTED` or `CONFLICTS`."""
    found = matching(kind=kind, conditions=conditions, search=search, at=at)
    if older_than:
        found = found.filter(pk__lt=older_than)
    rows = list(_with_related(kind, found).order_by("-pk")[: PAGE_SIZE + 1])
    shown = rows[:PAGE_SIZE]
    return EventPage(
        rows=[_ROWS[kind](row) for row in shown],
        older_than=shown[-1].pk if len(rows) > PAGE_SIZE else 0,
    )


def capped_count(
    *, kind: str, conditions: Sequence[dict[str, Any]], search: str, at: datetime
) -> str:
    """Count what matches, to 1,000 at most, in words."""
    found = matching(kind=kind, conditions=conditions, search=search, at=at)
    number = found[: CAP + 1].count()
    return f"{CAP:,}+" if number > CAP else f"{number:,}"


def matching(
    *, kind: str, conditions: Sequence[dict[str, Any]], search: str, at: datetime
) -> QuerySet[Any]:
    """Give what matches, of a kind; `search` is an event's id, a reference or an order's name."""
    found = _ROWS_OF[kind]().filter(FIELDS[kind].to_q(conditions, at=at))
    if not search:
        return found
    if kind == REJECTED:
        return found.filter(pk=_number(search))
    ids = _found_by_name(search)
    return found.filter(pk__in=ids) if kind == EVENTS else found.filter(event__in=ids)


def _found_by_name(name: str) -> set[int]:
    """Find events by their id, their reference or their order; each by an index of its own."""
    sources = list(Source.objects.values_list("pk", flat=True))
    orders = Alias.objects.filter(value=name).values("order")
    ways = (
        Q(source__in=sources, event_id=name),
        Q(source__in=sources, type__in=list(canonical.types()), reference=name) & ~Q(reference=""),
        Q(order__in=orders) | Q(order__canonical_id=name),
        Q(status="PARKED", source__in=sources, order_reference=name),
        Q(pk=_number(name)),
    )
    found: set[int] = set()
    for way in ways:
        found.update(Event.objects.filter(way).values_list("pk", flat=True)[:_MOST_FOUND])
    return found


def _number(name: str) -> int:
    """Read our own number of a thing; 0 is nobody's."""
    is_number = name.isascii() and name.isdigit() and len(name) <= _LONGEST_ID
    return int(name) if is_number else 0


def _with_related(kind: str, found: QuerySet[Any]) -> QuerySet[Any]:
    """Read what a row shows and leave the bytes."""
    if kind == EVENTS:
        return found.select_related("source", "order").defer("raw", "sha256", "data")
    if kind == REJECTED:
        return found.select_related("source").defer("raw", "sha256")
    related = found.select_related("event__source", "event__order")
    return related.defer("raw", "sha256", "event__raw", "event__sha256", "event__data")


def _event_row(event: Event) -> Listed:
    words, tone = STATUSES[event.status]
    reasons = [str(each) for each in event.reasons]
    return Listed(
        id=event.pk,
        href=f"/events/{event.pk}/",
        what=event.type,
        name=event.event_id,
        source=event.source.name,
        source_slug=event.source.slug,
        status=words,
        tone=tone,
        order=event.order.canonical_id if event.order else event.order_reference,
        order_href=f"/orders/{event.order.canonical_id}/" if event.order else "",
        received_at=event.received_at,
        note=reasons[0] if reasons else "",
    )


def _rejected_row(rejected: RejectedEvent) -> Listed:
    errors = rejected.errors
    first = f"{errors[0]['pointer']} {errors[0]['detail']}".strip() if errors else ""
    more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
    is_resent = rejected.resent_as_id is not None
    return Listed(
        id=rejected.pk,
        href=f"/events/rejected/{rejected.pk}/",
        what=f"{first}{more}",
        name=f"#{rejected.pk}",
        source=rejected.source.name,
        source_slug=rejected.source.slug,
        status="Corrected" if is_resent else "Rejected",
        tone="ok" if is_resent else "bad",
        order="",
        order_href="",
        received_at=rejected.received_at,
    )


def _conflict_row(conflict: EventConflict) -> Listed:
    event = conflict.event
    return Listed(
        id=conflict.pk,
        href=f"/events/{event.pk}/#bodies",
        what=event.type,
        name=event.event_id,
        source=event.source.name,
        source_slug=event.source.slug,
        status="Another body, not applied",
        tone="bad",
        order=event.order.canonical_id if event.order else event.order_reference,
        order_href=f"/orders/{event.order.canonical_id}/" if event.order else "",
        received_at=conflict.received_at,
    )


_ROWS_OF: Mapping[str, Callable[[], QuerySet[Any]]] = {
    EVENTS: Event.objects.all,
    REJECTED: RejectedEvent.objects.all,
    CONFLICTS: EventConflict.objects.all,
}
_ROWS: Mapping[str, Callable[[Any], Listed]] = {
    EVENTS: _event_row,
    REJECTED: _rejected_row,
    CONFLICTS: _conflict_row,
}

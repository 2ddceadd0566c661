"""Shows how one order comes to be, event by event, and where live parts from it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.timezone import localtime

from reconciliation import money, replay
from reconciliation.event_list import STATUSES
from reconciliation.models import Event, Order
from reconciliation.order_list import STATE_WORDS
from reconciliation.parting import Difference, Image, partings

MOST_STEPS = 100  # shown one by one; each costs about as much as applying a batch
_PARTS = {
    "event": "What became of the event",
    "entry": "Entry",
    "alias": "Name",
    "position": "Total",
    "lines": "Lines",
    "totals": "Totals in other currencies",
    "state": "State",
    "order": "Order",
}


@dataclass(frozen=True)
class Change:
    """One part of the position that an event changes."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class Step:
    """The order after one event."""

    number: int
    event: Event
    became: str
    tone: str
    state: str
    changes: Sequence[Change]
    parts_here: bool


@dataclass(frozen=True)
class Row:
    """One difference, in words."""

    part: str
    what: str
    live: str
    rebuilt: str
    event_id: int | None


@dataclass(frozen=True)
class Rebuild:
    """One order rebuilt from zero, beside live."""

    order: Order
    steps: Sequence[Step]
    left_out: int  # events after those shown
    differences: Sequence[Row]
    parts_at: int | None  # the first event where they part, if one explains it
    others: Sequence[str]  # orders bound to this one that differ too
    live_state: str
    rebuilt_state: str


def rebuild(*, canonical_id: str, at: datetime) -> Rebuild:
    """Rebuild one order, and walk through its events; raises Order.DoesNotExist."""
    order = Order.objects.get(canonical_id=canonical_id)
    both = replay.rebuild(order_ids=[order.pk], at=at)
    found = {parting.order: parting for parting in partings(both)}
    mine = found.pop(canonical_id, None)
    parts_at = mine.event_id if mine else None
    said = sorted(
        event_id
        for event_id, (_, name) in {**both.live_events, **both.scratch_events}.items()
        if name == canonical_id or both.live_events.get(event_id, ("", ""))[1] == canonical_id
    )
    shown = said[:MOST_STEPS]
    currency = order.currency
    rebuilt = both.scratch.get(canonical_id)
    return Rebuild(
        order=order,
        steps=list(_walk(order, shown, both.scratch_events, parts_at, at=at)),
        left_out=len(said) - len(shown),
        differences=[_row(each, currency) for each in (mine.differences if mine else ())],
        parts_at=parts_at,
        others=sorted(found),
        live_state=STATE_WORDS.get(order.state, order.state),
        rebuilt_state=STATE_WORDS.get(rebuilt.state, "") if rebuilt else "Not there",
    )


def _walk(
    order: Order,
    shown: Sequence[int],
    became: Mapping[int, tuple[str, str]],
    parts_at: int | None,
    *,
    at: datetime,
) -> Iterator[Step]:
    """Apply event after event in a scratch copy; those of orders bound to this one come between."""
    events = Event.objects.select_related("source").defer("raw").in_bulk(shown)
    before: Image | None = None
    with replay.opened(replay.family([order.pk])):
        for event_id in replay.held(until=max(shown, default=0)):
            replay.step(event_id, at=at)
            if event_id not in events:
                continue
            after = replay.current(order.canonical_id)
            status, tone = STATUSES[became.get(event_id, (events[event_id].status, ""))[0]]
            yield Step(
                number=shown.index(event_id) + 1,
                event=events[event_id],
                became=status,
                tone=tone,
                state=STATE_WORDS.get(after.state, after.state) if after else "Not there yet",
                changes=_changes(before, after),
                parts_here=event_id == parts_at,
            )
            before = after


def _changes(before: Image | None, after: Image | None) -> list[Change]:
    if after is None:
        return []
    currency = after.position["currency"]
    old = before.position if before else {}
    return [
        Change(_words(name), _text(name, old.get(name), currency), _text(name, value, currency))
        for name, value in after.position.items()
        if name not in {"currency", "last_fact_at"} and (value or 0) != (old.get(name) or 0)
    ]


def _row(each: Difference, currency: str) -> Row:
    what = _words(each.what) if each.part == "position" else each.what
    live, rebuilt = each.live, each.rebuilt
    if each.part == "position":
        live, rebuilt = (_text(each.what, _number(text), currency) for text in (live, rebuilt))
    elif each.part == "state":
        live, rebuilt = STATE_WORDS.get(live, live), STATE_WORDS.get(rebuilt, rebuilt)
    return Row(_PARTS[each.part], what, live or "Nothing", rebuilt or "Nothing", each.event_id)


def _number(text: str) -> Any:  # noqa: ANN401 - as it stood in the position
    return int(text) if text.lstrip("-").isdigit() else text


def _words(column: str) -> str:
    """Name a column of the position: `paid_minor` is "Paid"."""
    name = column.removesuffix("_minor").removesuffix("_quantity").replace("_", " ")
    return name[:1].upper() + name[1:]


def _text(column: str, value: Any, currency: str) -> str:  # noqa: ANN401 - any column's value
    if value is None or value == "":
        return ""
    if column.endswith("_minor") and isinstance(value, int):
        return money.as_text(value, currency)
    if column.endswith("_at"):
        return f"{localtime(datetime.fromisoformat(str(value))):%-d %b %Y %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)

"""Finds where a rebuilt order and the live one part, and at which event: pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_ENTRY = (
    "event_id", "kind", "line", "amount_minor", "currency", "quantity", "reference", "occurred_at",
)  # fmt: skip
_ALIAS = ("source_id", "kind", "value")
_CLOSED, _RECONCILED, _CANCELLED = "CLOSED", "RECONCILED", "CANCELLED"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Image:
    """One order as one side has it."""

    order_id: int
    canonical_id: str
    state: str
    merged_into: str
    position: Row
    lines: Sequence[Row]
    totals: Sequence[Row]
    entries: Sequence[Row]  # those that count
    aliases: Sequence[Row]

    @property
    def standing(self) -> str:
        """Give the state without what only time has made of it: Closed is Reconciled for long."""
        if self.state != _CLOSED:
            return self.state
        return _CANCELLED if self.position["cancelled_at"] else _RECONCILED


@dataclass(frozen=True)
class Rebuilt:
    """Some orders on both sides, by canonical ID, and what became of their events on each."""

    live: Mapping[str, Image]
    scratch: Mapping[str, Image]
    live_events: Mapping[int, tuple[str, str]]  # status, canonical ID or ""
    scratch_events: Mapping[int, tuple[str, str]]
    duplicates: Mapping[int, int] = field(default_factory=dict)  # in the rebuild: of which event


@dataclass(frozen=True)
class Difference:
    """One thing that the two sides have otherwise. Empty words: that side does not have it."""

    part: str  # event, entry, alias, position, lines, totals, state, order
    what: str
    live: str
    rebuilt: str
    event_id: int | None = None  # the event that it comes from


@dataclass(frozen=True)
class Parting:
    """One order whose two sides differ."""

    order: str
    differences: Sequence[Difference] = field(default_factory=tuple)

    @property
    def event_id(self) -> int | None:
        """Name the first event at which they part; None: no event explains it."""
        events = [each.event_id for each in self.differences if each.event_id is not None]
        return min(events, default=None)


def partings(both: Rebuilt) -> list[Parting]:
    """List the orders whose sides differ, by name."""
    names = sorted({*both.live, *both.scratch})
    found = [Parting(name, tuple(_differences(both, name))) for name in names]
    return [each for each in found if each.differences]


def missing(ours: Sequence[Row], theirs: Sequence[Row], columns: Sequence[str]) -> list[Row]:
    """Give what `ours` has more of than `theirs`, told apart by these columns."""
    left = [_key(row, columns) for row in theirs]
    found = []
    for row in ours:
        key = _key(row, columns)
        if key in left:
            left.remove(key)
        else:
            found.append(row)
    return found


def entries_more(ours: Image, theirs: Image) -> list[Row]:
    """Give the entries that count on our side only."""
    return missing(ours.entries, theirs.entries, _ENTRY)


def aliases_more(ours: Image, theirs: Image) -> list[Row]:
    """Give the aliases that our side only has."""
    return missing(ours.aliases, theirs.aliases, _ALIAS)


def events_placed_otherwise(both: Rebuilt) -> dict[int, tuple[str, str]]:
    """Give the events that ended otherwise on live, with how they end in the rebuild."""
    return {
        event_id: ends
        for event_id, ends in both.scratch_events.items()
        if both.live_events.get(event_id) != ends
    }


def _differences(both: Rebuilt, name: str) -> Iterator[Difference]:
    live, scratch = both.live.get(name), both.scratch.get(name)
    yield from _events(both, name)
    if live is None or scratch is None:
        held, made = ("" if live is None else "is there"), ("" if scratch is None else "is there")
        yield Difference("order", name, held, made)
        return
    for row in entries_more(live, scratch):
        yield Difference("entry", entry_words(row), "counts", "", row["event_id"])
    for row in entries_more(scratch, live):
        yield Difference("entry", entry_words(row), "", "counts", row["event_id"])
    for row in aliases_more(live, scratch):
        yield Difference("alias", f"{row['kind']} {row['value']}", "known", "", row["event_id"])
    for row in aliases_more(scratch, live):
        yield Difference("alias", f"{row['kind']} {row['value']}", "", "known", row["event_id"])
    yield from _totals(live, scratch)


def _events(both: Rebuilt, name: str) -> Iterator[Difference]:
    for event_id, made in sorted(events_placed_otherwise(both).items()):
        held = both.live_events.get(event_id, ("", ""))
        if name in (held[1], made[1]):
            was, is_now = (" ".join(each).strip() for each in (held, made))
            yield Difference("event", f"Event {event_id}", was, is_now, event_id)


def _totals(live: Image, scratch: Image) -> Iterator[Difference]:
    for column, value in scratch.position.items():
        if live.position[column] != value:
            yield Difference("position", column, _text(live.position[column]), _text(value))
    for part in ("lines", "totals"):
        held, made = getattr(live, part), getattr(scratch, part)
        if held != made:
            yield Difference(part, part, _text(held), _text(made))
    if live.merged_into != scratch.merged_into:
        yield Difference("state", "merged into", live.merged_into, scratch.merged_into)
    if live.standing != scratch.standing:
        yield Difference("state", "state", live.state, scratch.state)


def entry_words(row: Row) -> str:
    """Name one entry: "PAID 1000 EUR ch_1"."""
    amount = f"{row['amount_minor']} {row['currency']}" if row["amount_minor"] else ""
    quantity = f"x{row['quantity']}" if row["quantity"] else ""
    line = f"line {row['line']}" if row["line"] else ""
    return " ".join(
        part for part in (row["kind"], amount, quantity, line, row["reference"]) if part
    )


def _key(row: Row, columns: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[column] for column in columns)


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)

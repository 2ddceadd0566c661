"""Rebuilds orders from the events that are kept, in a scratch copy, and says where live differs.

Orders that are bound to one another are rebuilt together; all others stand as they are. What an
event means, how it is folded in and how an order is judged is asked of `apply` and `reconcile`
themselves. Two sides are equal if entries that count, aliases, position and state are, after one
pass at one moment.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache

from django.db import connection
from psycopg import sql

from reconciliation import apply, reconcile
from reconciliation.ledger import COLUMNS
from reconciliation.models import Event, Order
from reconciliation.parting import Image, Rebuilt
from reconciliation.scratch import FIRST_ID, empty, scratch_copy
from reconciliation.sql import load

_HELD = "HELD"  # in the scratch copy only: an event whose turn has not come
_MOST_ROUNDS = 1_000
_TOLD = ("state", "position", "lines", "totals", "entries", "aliases")
# What live holds of an order, and the column that names the order.
_KEPT = {
    "reconciliation_order": "id",
    "reconciliation_orderdetail": "order_id",
    "reconciliation_orderline": "order_id",
    "reconciliation_ordertotal": "order_id",
    "reconciliation_entry": "order_id",
    "reconciliation_alias": "order_id",
    "reconciliation_recheck": "order_id",
    "reconciliation_discrepancy": "order_id",
    "reconciliation_waiver": "order_id",
}
# What a pass reads of an order that no event says.
_JUDGED_WITH = ("reconciliation_discrepancy", "reconciliation_waiver")


def family(order_ids: Sequence[int]) -> list[int]:
    """List these orders and all that are bound to them, by parts, merges or moved entries."""
    known: set[int] = set()
    found = set(order_ids)
    while found != known:
        known = found
        with connection.cursor() as cursor:
            cursor.execute(load("replay_family"), {"order_ids": sorted(known)})
            found = {order_id for (order_id,) in cursor.fetchall()}
    return sorted(known)


def rebuild(*, order_ids: Sequence[int], at: datetime) -> Rebuilt:
    """Rebuild these orders and their families from nothing, judge both sides as of `at`.

    Where an event goes to an order outside, that one is rebuilt with them.
    """
    ids = family(order_ids)
    while True:
        with opened(ids):
            _release()
            _apply_all(at=at)
            strays = _strays()
            if not strays:
                return _both(ids, at=at)
        ids = family([*ids, *strays])


@contextmanager
def opened(order_ids: Sequence[int]) -> Iterator[None]:
    """Open a scratch copy that holds the events of these orders, held back."""
    with scratch_copy():
        _copy(order_ids)
        yield


def held(*, until: int) -> list[int]:
    """List the events of the open scratch copy whose turn has not come, in the order they came."""
    found = Event.objects.filter(status=_HELD, pk__lte=until).order_by("pk")
    return list(found.values_list("pk", flat=True))


def step(event_id: int, *, at: datetime) -> None:
    """Let one held event of the open scratch copy be applied, and all that waited for it."""
    _release(event_id)
    _apply_all(at=at)


def apply_received(*, by: datetime, at: datetime) -> None:
    """Let what had come in by a moment be applied in the open scratch copy; all else stays held."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_temp.reconciliation_event SET status = 'RECEIVED'"
            " WHERE status = %s AND received_at <= %s",
            [_HELD, by],
        )
    _apply_all(at=at)


def current(canonical_id: str) -> Image | None:
    """Tell how an order of the open scratch copy stands; nothing if it is not there yet."""
    found = Order.objects.filter(canonical_id=canonical_id).values_list("pk", flat=True).first()
    return None if found is None else _images([found])[canonical_id]


def _both(ids: Sequence[int], *, at: datetime) -> Rebuilt:
    """Judge and tell what was rebuilt, then put live beside it."""
    rebuilt_ids = _take_live_ids()
    _bring(_JUDGED_WITH)
    reconcile.judge(order_ids=rebuilt_ids, at=at)
    scratch, scratch_events = _images(rebuilt_ids), _placements("reconciliation_event")
    duplicates = _duplicates()
    empty()
    _bring(_KEPT)
    live = _live_images(ids, at=at)
    return Rebuilt(live, scratch, _placements("live_event"), scratch_events, duplicates)


def _strays() -> list[int]:
    """List the live orders that stand as they are and have got an event all the same."""
    found = Order.objects.filter(pk__lt=FIRST_ID, events__isnull=False)
    return list(found.values_list("pk", flat=True).distinct())


def _copy(ids: Sequence[int]) -> None:
    for table in _KEPT:
        _run(
            sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {}) ON COMMIT DROP").format(
                _live(table), sql.Identifier("public", table)
            )
        )
    _run("CREATE TEMPORARY TABLE live_event (id bigint, status text, order_id bigint)")
    with connection.cursor() as cursor:
        cursor.execute(_copy_sql(), {"order_ids": list(ids), "held": _HELD})
        cursor.execute(load("replay_neighbours"), {"order_ids": list(ids)})
        cursor.execute("ANALYZE pg_temp.reconciliation_event, pg_temp.reconciliation_alias")


@cache
def _copy_sql() -> str:
    copies = ",\n".join(
        f"{table}_kept AS (INSERT INTO pg_temp.{_live_name(table)} SELECT kept.*"  # noqa: S608
        f" FROM public.{table} AS kept JOIN asked ON asked.order_id = kept.{key})"
        for table, key in _KEPT.items()
    )
    return load("replay_copy").format(tables=copies)


def _release(event_id: int | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_temp.reconciliation_event SET status = 'RECEIVED'"
            " WHERE status = %s AND (%s::bigint IS NULL OR id = %s)",
            [_HELD, event_id, event_id],
        )


def _apply_all(*, at: datetime) -> None:
    for _ in range(_MOST_ROUNDS):
        if not apply.take(limit=5_000, at=at):
            return
    raise AssertionError("applying found work without end")


def _take_live_ids() -> list[int]:
    """Give rebuilt orders the ids they have live, as write-backs and waivers name them so.

    Gives the ids of all that were rebuilt; an order that live does not have keeps its own.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT made.id, kept.id FROM pg_temp.reconciliation_order AS made"
            " LEFT JOIN pg_temp.live_reconciliation_order AS kept"
            " ON kept.canonical_id = made.canonical_id"
            " WHERE made.id >= %s",
            [FIRST_ID],
        )
        pairs: list[tuple[int, int | None]] = cursor.fetchall()
        renamed = {made: kept for made, kept in pairs if kept is not None}
        columns = {table: key for table, key in _KEPT.items() if table not in _JUDGED_WITH}
        places = [
            *columns.items(),
            ("reconciliation_order", "parent_id"),
            ("reconciliation_order", "merged_into_id"),
            ("reconciliation_event", "order_id"),
        ]
        for table, column in places:
            cursor.execute(
                f"UPDATE pg_temp.{table} AS made SET {column} = renamed.kept"  # noqa: S608
                " FROM unnest(%s::bigint[], %s::bigint[]) AS renamed (made, kept)"
                f" WHERE made.{column} = renamed.made",
                [list(renamed), list(renamed.values())],
            )
    return sorted(kept or made for made, kept in pairs)


def _bring(tables: Sequence[str] | Mapping[str, str]) -> None:
    """Put what live holds of the orders into the scratch copy."""
    for table in tables:
        _run(
            sql.SQL("INSERT INTO {} OVERRIDING SYSTEM VALUE SELECT kept.* FROM {} AS kept").format(
                sql.Identifier("pg_temp", table), _live(table)
            )
        )


def _live_images(ids: Sequence[int], *, at: datetime) -> dict[str, Image]:
    """Tell how live has these orders; those that wait to be judged, as they would be by now."""
    as_held = _images(ids)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT orders.id FROM reconciliation_order AS orders"
            " LEFT JOIN reconciliation_recheck AS rechecks ON rechecks.order_id = orders.id"
            " WHERE orders.verdict = 'UNJUDGED' OR rechecks.due_at <= %s",
            [at],
        )
        due = [order_id for (order_id,) in cursor.fetchall()]
    reconcile.judge(order_ids=due, at=at)
    return as_held | _images(due)


def _images(order_ids: Sequence[int]) -> dict[str, Image]:
    with connection.cursor() as cursor:
        cursor.execute(_images_sql(), {"order_ids": list(order_ids)})
        return {name: _image(pk, name, image) for pk, name, image in cursor.fetchall()}


@cache
def _images_sql() -> str:
    columns = ", ".join(f"'{name}', orders.{name}" for name in COLUMNS)
    return load("replay_images").format(columns=columns)


def _image(order_id: int, canonical_id: str, text: str) -> Image:
    told = json.loads(text)
    return Image(
        **{name: told[name] for name in _TOLD},
        order_id=order_id,
        canonical_id=canonical_id,
        merged_into=told["merged_into"] or "",
    )


def _placements(table: str) -> dict[int, tuple[str, str]]:
    """Say of each event what became of it, and on which order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT events.id, events.status, COALESCE(orders.canonical_id, '')"  # noqa: S608
            f" FROM pg_temp.{table} AS events"
            " LEFT JOIN reconciliation_order AS orders ON orders.id = events.order_id"
        )
        return {pk: (status, order) for pk, status, order in cursor.fetchall()}


def _duplicates() -> dict[int, int]:
    found = Event.objects.filter(duplicate_of__isnull=False)
    return dict(found.values_list("pk", "duplicate_of_id"))


def _live_name(table: str) -> str:
    return f"live_{table}"


def _live(table: str) -> sql.Identifier:
    return sql.Identifier("pg_temp", _live_name(table))


def _run(statement: str | sql.Composed) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)

"""Moves orders through their states: the only writer of `state` and `version`.

One order is a set of one. Facts decide; nobody asks for a state.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from django.db import connection, transaction
from psycopg import sql

from audit.record import statement
from reconciliation.machine import Path, edges, paths
from reconciliation.models import Order
from reconciliation.models.moves import FACTS
from reconciliation.predicates import as_sql
from reconciliation.sql import array, load

# Columns that a move changes; history takes all others from the order's row as it is.
_MOVED = ("state", "version", "reconciled_at")
_JUDGED = ("verdict", "is_closable")


@transaction.atomic
def advance(
    *,
    order_ids: Sequence[int],
    actor: str,
    at: datetime,
    cause_event_id: int | None = None,
    causes: Mapping[int, int] | None = None,
    rulebook_version: int | None = None,
    verdicts: str = "",
) -> int:
    """Move each order as far as its facts allow, up or down; says how many moved.

    Every hop leaves a history row and an audit row. `causes` names the event for each order
    where they differ. `verdicts` names a table of new verdicts (order_id, verdict, is_closable),
    which are written where they are news; who judged the orders holds their locks.
    """
    if not order_ids:
        return 0
    ids = sorted(set(order_ids))
    named = causes or {}
    with connection.cursor() as cursor:
        if not verdicts:
            # A statement of its own: the next one must see what others committed before the lock.
            cursor.execute(load("lock_orders"), {"order_ids": array(ids)})
        cursor.execute(
            advance_sql(verdicts),
            {
                "order_ids": array(ids),
                "causes": array(named.get(order_id, cause_event_id) for order_id in ids),
                "actor": actor,
                "at": at,
                "rulebook_version": rulebook_version,
            },
        )
        (moved,) = cursor.fetchone()
    return int(moved)


def possible_moves(order: Order) -> list[str]:
    """Name the moves the order's facts allow from where it stands, without a query."""
    return [move.name for move in order.get_available_state_transitions()]  # type: ignore[attr-defined]


@cache
def advance_sql(verdicts: str = "") -> str:
    """Write the one statement that moves a set, from the declarations."""
    others = [name for name in history_columns() if name not in _MOVED]
    return load("advance").format(
        orders=_judged(verdicts) if verdicts else "reconciliation_order",
        is_news="orders.is_news" if verdicts else "FALSE",
        facts=",\n        ".join(
            f"{as_sql(fact, table='orders')} AS {name}" for name, fact in FACTS.items()
        ),
        conditions=",\n        ".join(
            f"{as_sql(edge.condition, table='known')} AS {name}"
            for name, edge in {f"can_{edge.name}": edge for edge in edges()}.items()
        ),
        path=_case(),
        hops=_hops(),
        ends=_ends(),
        record=statement("hops_made"),
        columns=", ".join(others),
        values=", ".join(f"moved.{name}" for name in others),
    )


@cache
def history_columns() -> tuple[str, ...]:
    """List the order's columns, which its history must have too."""
    columns = tuple(str(field.column) for field in Order._meta.concrete_fields)
    kept = {field.column for field in Order.history.model._meta.concrete_fields}
    missing = set(columns) - kept
    assert not missing, f"the history of orders lacks {missing}"
    return columns


def _judged(verdicts: str) -> str:
    """Write orders as they are with the verdicts of this table."""
    kept = [f"stored.{name}" for name in history_columns() if name not in _JUDGED]
    found = [f"COALESCE(found.{name}, stored.{name}) AS {name}" for name in _JUDGED]
    changed = [f"found.{name} IS DISTINCT FROM stored.{name}" for name in _JUDGED]
    news = f"found.order_id IS NOT NULL AND ({' OR '.join(changed)}) AS is_news"
    return (
        f"(SELECT {', '.join([*kept, *found, news])} FROM reconciliation_order AS stored"  # noqa: S608
        f" LEFT JOIN {verdicts} AS found ON found.order_id = stored.id)"
    )


def _case() -> str:
    """Write the CASE that finds the path a row takes: NULL for none."""
    branches = [
        f"WHEN known.state = {_quoted(state)} THEN {_onward(state, ())}"
        for state in dict.fromkeys(path[0].source for path in paths())
    ]
    return f"CASE {' '.join(branches)} END"


def _onward(state: str, walked: Path) -> str:
    """Write the part of the CASE for a row that has come to `state` by `walked`."""
    depth = len(walked)
    taken = {path[depth] for path in paths() if path[:depth] == walked and len(path) > depth}
    branches = [
        f"WHEN known.can_{edge.name} THEN {_onward(edge.target, (*walked, edge))}"
        for edge in edges()
        if edge in taken and edge.source == state
    ]
    end = str(paths().index(walked)) if walked in paths() else "NULL"
    return f"CASE {' '.join(branches)} ELSE {end} END" if branches else end


def _hops() -> str:
    """List every hop of every path: path, hop from 1, from, to, what the trail says."""
    rows = [
        f"({number}, {hop}, {_quoted(edge.source)}, {_quoted(edge.target)}, {_quoted(edge.says)})"
        for number, path in enumerate(paths())
        for hop, edge in enumerate(path, start=1)
    ]
    return ",\n        ".join(rows)


def _ends() -> str:
    """List where every path ends: path, hops, state, and the last stamp on the way."""
    rows = []
    for number, path in enumerate(paths()):
        stamps = [edge.stamp for edge in path if edge.stamp]
        stamp = stamps[-1] if stamps else ""
        rows.append(f"({number}, {len(path)}, {_quoted(path[-1].target)}, {_quoted(stamp)})")
    return ",\n        ".join(rows)


def _quoted(text: str) -> str:
    return sql.Literal(text).as_string()

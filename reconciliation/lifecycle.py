"""Moves orders through their states: the only writer of `state` and `version`.

One order is a set of one. Facts decide; nobody asks for a state.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

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
    causes: Mapping[int, int] | None = None,
) -> int:
    """Move each order as far as its facts allow, up or down; says how many moved.

    Every hop leaves a history row and an audit row. `causes` names, by order, the event behind its
    moves.
    """
    if not order_ids:
        return 0
    ids, named = sorted(set(order_ids)), causes or {}
    given = {"order_ids": array(ids), "causes": array(map(named.get, ids))}
    with connection.cursor() as cursor:
        # A statement of its own: the next one must see what others committed before the lock.
        cursor.execute(load("lock_orders"), given)
    return _move(load("advance_given"), {**given, "actor": actor, "at": at})


def advance_judged(*, actor: str, at: datetime, rulebook_version: int) -> int:
    """Move each order of a pass's batch by its new verdict, and keep what is news; says how many.

    The batch stands in `pass_order` and `pass_verdict`, and who judged it holds its locks.
    """
    by = {"actor": actor, "at": at, "rulebook_version": rulebook_version}
    return _move(_judged(), by)


def possible_moves(order: Order) -> list[str]:
    """Name the moves the order's facts allow from where it stands, without a query."""
    return [move.name for move in order.get_available_state_transitions()]  # type: ignore[attr-defined]


def _move(orders: str, given: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_advance_sql(orders), {"rulebook_version": None, **given})
        (moved,) = cursor.fetchone()
    return int(moved)


@cache
def _advance_sql(orders: str) -> str:
    """Write the one statement that moves a set, from the declarations."""
    others = [name for name in history_columns() if name not in _MOVED]
    return load("advance").format(
        orders=orders,
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


def _judged() -> str:
    kept = [f"stored.{name}" for name in history_columns() if name not in _JUDGED]
    return load("advance_judged").format(kept=", ".join(kept))


@cache
def history_columns() -> tuple[str, ...]:
    """List the order's columns, which its history must have too."""
    columns = tuple(str(field.column) for field in Order._meta.concrete_fields)
    kept = {field.column for field in Order.history.model._meta.concrete_fields}
    missing = set(columns) - kept
    assert not missing, f"the history of orders lacks {missing}"
    return columns


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

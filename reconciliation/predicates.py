"""Conditions written once as `Q`, answered for one row in Python and for many in SQL, alike.

Both are two-valued: a comparison with NULL is false, and NOT of it is true. `Q.check()` is not
used: it answers true on NULL and on an error of the database.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import F, Q
from psycopg import sql

Row = Callable[[str], Any]  # gives a column's value by name

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "exact": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_SYMBOL = {"exact": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class UnknownLookup(Exception):
    """The condition uses a comparison that has no meaning here."""


def holds(condition: Q, row: Row) -> bool:
    """Tell whether `condition` is true of one row."""
    answers = (
        holds(child, row) if isinstance(child, Q) else _leaf_holds(_leaf(child), row)
        for child in condition.children
    )
    if not condition.children:
        answer = True
    elif condition.connector == Q.AND:
        answer = all(answers)
    elif condition.connector == Q.OR:
        answer = any(answers)
    else:
        raise UnknownLookup(f"{condition.connector} of conditions")
    return answer is not condition.negated


def as_sql(condition: Q, *, table: str) -> str:
    """Write `condition` as an SQL expression over `table`, which is never NULL."""
    parts = [
        as_sql(child, table=table) if isinstance(child, Q) else _leaf_sql(_leaf(child), table)
        for child in condition.children
    ]
    if condition.connector not in {Q.AND, Q.OR}:
        raise UnknownLookup(f"{condition.connector} of conditions")
    text = f" {condition.connector} ".join(parts) or "TRUE"
    return f"NOT ({text})" if condition.negated else f"({text})"


def _leaf(child: object) -> tuple[str, str, object]:
    """Split a leaf into column, comparison and the value on its right."""
    assert isinstance(child, tuple), f"{child} is not a comparison of a column"
    path, value = child
    column, _, lookup = path.partition("__")
    lookup = lookup or "exact"
    if lookup not in {*_COMPARE, "in", "isnull"}:
        raise UnknownLookup(f"{path}: there is no comparison '{lookup}'")
    return column, lookup, value


def _leaf_holds(leaf: tuple[str, str, object], row: Row) -> bool:
    column, lookup, value = leaf
    left = row(column)
    if lookup == "isnull":
        return (left is None) is value
    right = row(_name(value)) if isinstance(value, F) else value
    if left is None or right is None:
        return False
    if lookup == "in":
        assert isinstance(right, (list, tuple))
        return left in right
    return _COMPARE[lookup](left, right)


def _leaf_sql(leaf: tuple[str, str, object], table: str) -> str:
    column, lookup, value = leaf
    left = f"{table}.{column}"
    if lookup == "isnull":
        return f"({left} IS {'' if value else 'NOT '}NULL)"
    if lookup == "in":
        assert isinstance(value, (list, tuple))
        members = ", ".join(_literal(member) for member in value) or "NULL"
        return f"({left} IN ({members}) IS TRUE)"
    right = f"{table}.{_name(value)}" if isinstance(value, F) else _literal(value)
    return f"({left} {_SYMBOL[lookup]} {right} IS TRUE)"


def _name(column: F) -> str:
    return str(column.name)  # type: ignore[attr-defined]


def _literal(value: object) -> str:
    if isinstance(value, str):
        value = str(value)  # a member of an enumeration is written as its value
    return sql.Literal(value).as_string()

"""The families of checks: one SQL file each, which takes its parameters from the rulebook."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet, FullResultSet
from psycopg import sql

from reconciliation import working_time
from reconciliation.fields import ORDER, BadCondition
from reconciliation.models import Order
from reconciliation.rulebook import STAGE, Check, Condition, Rulebook
from reconciliation.sql import array
from reconciliation.working_time import BusinessHours

_FOLDER = Path(__file__).parent
_TABLE = Order._meta.db_table  # the files call what they read by this name, whatever it is
# Only these columns of an order may stand in a check.
_COLUMNS = frozenset(
    path.removeprefix("-") for field in ORDER.values() for path in field.paths if "__" not in path
)

# What a line has; the file of the family gives them.
_LINE_COLUMNS = frozenset({"to_ship_quantity", "shipped_quantity", "returned_quantity"})


class CompiledCheck(NamedTuple):
    """A query that judges orders, without `at`, which the caller adds to its parameters."""

    text: str
    parameters: Mapping[str, Any]


@cache
def compiled(check: Check, table: str = _TABLE) -> CompiledCheck:
    """Write the query that judges every order of `table` by `check`.

    It gives order_id, verdict (HOLDS, WAITING, BROKEN), due_at (while waiting), expected_minor,
    actual_minor, at_risk_minor and details: one row an order in scope. Needs %(at)s, and what
    `working_days` gives.
    Raises BadCondition if the check speaks of what no order has.
    """
    parameters: dict[str, Any] = dict(check.parameters)
    pieces = {
        "orders": sql.Identifier(table),
        "applies": _condition(check.applies, parameters, "applies"),
        **_FAMILIES[_file(check)](check, parameters),
    }
    text = sql.SQL((_FOLDER / f"{_file(check)}.sql").read_text()).format(**pieces).as_string()
    used = {name for name in parameters if f"%({name})s" in text}
    return CompiledCheck(text, {name: parameters[name] for name in sorted(used)})


def working_days(check: Check, *, rules: Rulebook, at: datetime) -> dict[str, Any]:
    """Give what a check whose window counts business days needs beside its own parameters."""
    if "calendar" not in check.parameters:
        return {}
    hours = rules.calendar(check.parameters["calendar"])
    return _listed(at.date(), hours)


@lru_cache(maxsize=64)
def _listed(around: date, hours: BusinessHours) -> dict[str, Any]:
    """Write the lists once a day: the driver would write each of a thousand values anew."""
    listed = working_time.working_days(around=around, hours=hours)
    return {
        "zone": hours.zone,
        "first_day": listed.first_day,
        "numbers": array(listed.numbers),
        "closings": array(listed.closings),
    }


def problems(rules: Rulebook) -> list[str]:
    """Say which checks speak of what no order has; nothing if all can be judged."""
    found = []
    for check in rules.checks:
        try:
            if check.family != STAGE:
                compiled(check)
        except BadCondition as problem:
            found.append(f"{check.name}: {problem}")
    return found


def _file(check: Check) -> str:
    """Name the file of a family, which is another one where lines are judged."""
    return check.family if check.grain == "order" else f"{check.family}_{check.grain}"


def _balance(check: Check, parameters: dict[str, Any]) -> dict[str, sql.Composable]:
    expected, actual = parameters["expected"], parameters["actual"]
    is_money = parameters["unit"] == "money"
    nothing = sql.SQL("NULL::bigint")
    difference = sql.SQL("abs(({}) - ({}))").format(_sum(actual), _sum(expected))
    return {
        "expected": _sum(expected),
        "actual": _sum(actual),
        "expected_minor": sql.Identifier("compared", "expected") if is_money else nothing,
        "actual_minor": sql.Identifier("compared", "actual") if is_money else nothing,
        "due_at": _due_at(check, _latest(parameters["since"])),
        "at_risk": difference if check.at_risk == "difference" else _at_risk(check),
        "details": _object([*expected, *actual]),
    }


def _balance_line(check: Check, parameters: dict[str, Any]) -> dict[str, sql.Composable]:
    by_value = check.at_risk == "difference"
    return {
        "expected": _units(parameters["expected"]),
        "actual": _units(parameters["actual"]),
        "due_at": _due_at(check, _latest(parameters["since"])),
        "at_risk": sql.SQL("NULL::bigint") if by_value else _at_risk(check),
    }


def _milestone(check: Check, parameters: dict[str, Any]) -> dict[str, sql.Composable]:
    first, then = parameters["from"], parameters["to"]
    return {
        "first": _column(first),
        "due_at": _due_at(check, _column(first)),
        "then": _column(then),
        "done": _condition(parameters["done"], parameters, "done"),
        "at_risk": _at_risk(check),
        "details": _object([first, then, *_spoken_of(parameters["done"])]),
    }


def _conflict(check: Check, parameters: dict[str, Any]) -> dict[str, sql.Composable]:
    return {
        "when": _condition(parameters["when"], parameters, "when"),
        "due_at": _due_at(check, _latest(parameters["since"])),
        "at_risk": _at_risk(check),
        "details": _object(_spoken_of(parameters["when"])),
    }


def _duplicate(_check: Check, parameters: dict[str, Any]) -> dict[str, sql.Composable]:
    total, owed = parameters["total"], parameters["owed"]
    return {
        "total": _sum(total),
        "owed": _sum(owed),
        "details": _object([*total, *owed]),
    }


def _silence(check: Check, parameters: dict[str, Any]) -> dict[str, sql.Composable]:
    since = parameters["since"]
    return {
        "due_at": _due_at(check, _latest(since)),
        "at_risk": _at_risk(check),
        "details": _object(since),
    }


def _split(check: Check, parameters: dict[str, Any]) -> dict[str, sql.Composable]:
    """Lay the shares out in columns, as the file reads them."""
    shares = parameters["shares"]
    parameters["sellers"] = [share["seller"] for share in shares]
    parameters["basis_points"] = [share["basis_points"] for share in shares]
    parameters["fixed_minor"] = [share["fixed_minor"] for share in shares]
    return {"due_at": _due_at(check, _latest(parameters["since"]))}


def _parts(check: Check, parameters: dict[str, Any]) -> dict[str, sql.Composable]:
    return {"due_at": _due_at(check, _latest(parameters["since"]))}


def _presence(check: Check, parameters: dict[str, Any]) -> dict[str, sql.Composable]:
    since = parameters["since"]
    latest = sql.SQL("GREATEST({}, connected.listening_since)").format(_latest(since))
    return {
        "due_at": _due_at(check, latest),
        "at_risk": _at_risk(check),
        "details": _object(since),
    }


_Pieces = Callable[[Check, dict[str, Any]], dict[str, sql.Composable]]
_FAMILIES: Mapping[str, _Pieces] = {
    "balance": _balance,
    "balance_line": _balance_line,
    "milestone": _milestone,
    "conflict": _conflict,
    "duplicate": _duplicate,
    "presence": _presence,
    "silence": _silence,
    "split": _split,
    "parts": _parts,
}


def _column(name: str) -> sql.Composable:
    if name not in _COLUMNS:
        raise BadCondition(f"An order has no “{name}” to check.")
    return sql.Identifier(_TABLE, name)


def _columns(terms: Sequence[str]) -> Iterator[str]:
    """Name the columns that signed terms stand for, each with its sign."""
    for term in terms:
        minus = term.startswith("-")
        field = ORDER.get(term.removeprefix("-"))
        for path in field.paths if field else (term.removeprefix("-"),):
            name = path.removeprefix("-")
            yield f"-{name}" if minus != path.startswith("-") else name


def _sum(terms: Sequence[str]) -> sql.Composable:
    """Add up signed terms: columns, or fields that are sums themselves."""
    parts = [
        sql.SQL(" - " if name.startswith("-") else " + ") + _column(name.removeprefix("-"))
        for name in _columns(terms)
    ]
    return sql.SQL("0") + sql.SQL("").join(parts)


def _units(terms: Sequence[str]) -> sql.Composable:
    """Add up signed terms of one line."""
    if wrong := [term for term in terms if term.removeprefix("-") not in _LINE_COLUMNS]:
        raise BadCondition(f"A line has no “{wrong[0]}” to check.")
    parts = [
        sql.SQL(" - " if term.startswith("-") else " + ")
        + sql.Identifier("units", term.removeprefix("-"))
        for term in terms
    ]
    return sql.SQL("0") + sql.SQL("").join(parts)


def _latest(columns: Sequence[str]) -> sql.Composable:
    """Write the latest of several moments; unknown ones do not count."""
    return sql.SQL("GREATEST({})").format(sql.SQL(", ").join(_column(name) for name in columns))


def _due_at(check: Check, since: sql.Composable) -> sql.Composable:
    """Write the end of a check's window: hours later, or the close of the last business day."""
    if "hours" in check.parameters:
        return sql.SQL("{} + make_interval(hours => %(hours)s)").format(since)
    # The lists are those of `working_days`: the day that `since` falls on, then days after it.
    return sql.SQL(
        "(%(closings)s::timestamptz[])[(%(numbers)s::integer[])["
        "({} AT TIME ZONE %(zone)s)::date - %(first_day)s::date + 1"
        "] + %(business_days)s]"
    ).format(since)


def _at_risk(check: Check) -> sql.Composable:
    """Write the amount that a check says is at risk, never negative."""
    if not check.at_risk:
        return sql.SQL("0")
    return sql.SQL("GREATEST({}, 0)").format(_sum([check.at_risk]))


def _object(terms: Sequence[str]) -> sql.Composable:
    """Write what a check compared, by column; it decides when a waiver lapses."""
    names = dict.fromkeys(name.removeprefix("-") for name in _columns(terms))
    pairs = [sql.SQL("{}, {}").format(sql.Literal(name), _column(name)) for name in names]
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))


def _spoken_of(conditions: Sequence[Condition]) -> list[str]:
    """Name the fields that conditions speak of, as far as they are on the order itself."""
    found: list[str] = []
    for each in conditions:
        inner = each.get("any") or each.get("all")
        if inner is not None:
            found += _spoken_of(inner)
        elif "__" not in ORDER[each["field"]].paths[0]:
            found.append(each["field"])
    return found


def _condition(
    conditions: Sequence[Condition], parameters: dict[str, Any], name: str
) -> sql.Composable:
    """Write conditions by the registry's own `Q`, and put their values among `parameters`."""
    query = Order.objects.filter(ORDER.to_q(conditions)).values("pk").query
    compiler = query.get_compiler("default")
    try:
        text, values = compiler.compile(query.where)
        if len(query.alias_map) > 1:  # the condition looks beyond the order's own row
            text, values = query.sql_with_params()
            text = f'"{_TABLE}"."id" IN ({text})'
    except EmptyResultSet:
        return sql.SQL("FALSE")
    except FullResultSet:
        return sql.SQL("TRUE")
    given = iter(values)

    def named(_match: re.Match[str]) -> str:
        parameters[key := f"{name}_{len(parameters)}"] = next(given)
        return f"%({key})s"

    return sql.SQL(re.sub("%s", named, text).replace("{", "{{").replace("}", "}}")).format()

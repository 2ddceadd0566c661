"""Makes events of a file's rows, by a mapping that says which columns mean what."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from reconciliation import money
from reconciliation.sources import cells as reading
from reconciliation.sources.cells import Cell, Unfit
from reconciliation.sources.mapping import COLUMN
from reconciliation.strict import Problem

_MISSING = re.compile(r'"(.+)" is a required property\.')
_OPTIONS = ("decimal", "thousands", "date_format", "zone")
_OF_FIELDS = "/data/"


@dataclass(frozen=True)
class Event:
    """One event of one row, as far as its cells allow; `columns` is pointer → column."""

    row: int  # as a spreadsheet numbers it: the header is 1
    envelope: Mapping[str, Any]
    problems: tuple[Problem, ...]
    columns: Mapping[str, str] = field(default_factory=dict)

    def explained(self, found: Iterable[Problem]) -> tuple[Problem, ...]:
        """Say everything that is wrong by row and column: cells first, then what was `found`.

        What an unfit cell could not give is missing from the event; that is not said again.
        """
        unfit = {problem.pointer for problem in self.problems}
        others = (self._of_a_gap(problem) for problem in found)
        return tuple(
            self._placed(problem)
            for problem in (*self.problems, *others)
            if problem in self.problems or problem.pointer not in unfit
        )

    def _of_a_gap(self, problem: Problem) -> Problem:
        """Name the empty cell behind a field that is missing, if there is one."""
        if missing := _MISSING.fullmatch(problem.detail):
            pointer = f"{problem.pointer}/{missing[1]}"
            if pointer in self.columns:
                return Problem(pointer, "The cell is empty.")
        return problem

    def _placed(self, problem: Problem) -> Problem:
        column = self.columns.get("/".join(problem.pointer.split("/")[:3]), "")
        place = f"row {self.row}, column {column}" if column else f"row {self.row}"
        return Problem(problem.pointer, f"{place}: {problem.detail}")


def of_row(
    *, row: int, header: Sequence[str], cells: Sequence[Cell], mapping: Mapping[str, Any]
) -> list[Event]:
    """Give the events of one row; one that fits no header is one event that says so."""
    if len(cells) != len(header):
        detail = f"row {row}: It has {len(cells)} cells, the header {len(header)}."
        return [Event(row, {}, (Problem("", detail),))]
    named = dict(zip(header, cells, strict=True))
    return [
        _event(mapping, declared, row, named)
        for declared in mapping["events"]
        if _applies(declared, named)
    ]


def _applies(declared: Mapping[str, Any], cells: Mapping[str, Cell]) -> bool:
    wanted = declared.get("when", {})
    return all(_shown(cells[column]) in values for column, values in wanted.items())


def _shown(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell.text


def _event(
    mapping: Mapping[str, Any], declared: Mapping[str, Any], row: int, cells: Mapping[str, Cell]
) -> Event:
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    sources = dict(_sources(mapping, declared, cells))
    for pointer, source in sources.items():
        try:
            values[pointer] = _value(source, cells)
        except Unfit as unfit:
            problems.append(Problem(pointer, str(unfit)))
    if declared["time"].get("as") == "date" and values.get("/time"):
        values["/time"] = _midnight(values["/time"], mapping)
    envelope = {
        "specversion": "1.0",
        "id": values.get("/id", ""),
        "source": mapping["sender"],
        "type": declared["type"],
        "time": values.get("/time", ""),
        "data": {
            pointer.removeprefix(_OF_FIELDS): value
            for pointer, value in values.items()
            if pointer.startswith(_OF_FIELDS) and value is not None
        },
    }
    columns = {
        pointer: source["column"] for pointer, source in sources.items() if "column" in source
    }
    return Event(row, envelope, tuple(problems), columns)


def _sources(
    mapping: Mapping[str, Any], declared: Mapping[str, Any], cells: Mapping[str, Cell]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give where each part of the event comes from, with the options that hold for it."""
    options = {name: mapping[name] for name in _OPTIONS if name in mapping}
    yield "/id", {"text": declared["id"]}
    yield "/time", {**options, **declared["time"]}
    factor = 10 ** money.exponent(_currency(declared["data"].get("currency", {}), cells))
    for name, source in declared["data"].items():
        yield f"{_OF_FIELDS}{name}", {"factor": factor, **options, **source}


def _currency(source: Mapping[str, Any], cells: Mapping[str, Cell]) -> str:
    """Give the event's currency, as far as it can be read; it says what a unit of money has."""
    try:
        return str(_value(source, cells)) if source else ""
    except Unfit:
        return ""


def _value(source: Mapping[str, Any], cells: Mapping[str, Cell]) -> Any:  # noqa: ANN401 - JSON
    """Give what one part is; None where its cell is empty."""
    if "value" in source:
        return source["value"]
    if "text" in source:
        return COLUMN.sub(lambda found: reading.as_text(cells[found[1]]), source["text"])
    return reading.value(cells[source["column"]], source)


def _midnight(day: str, mapping: Mapping[str, Any]) -> str:
    """Give the moment at which a day begins, in the mapping's zone."""
    if "zone" not in mapping:
        return f"{day}T00:00:00Z"
    begins = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(mapping["zone"]))
    return begins.astimezone(UTC).isoformat()

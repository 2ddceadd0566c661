"""Turns the rows of a CSV file into events, by a mapping that says which columns mean what."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from reconciliation.strict import Problem

_SCHEMA = Path(__file__).parent / "csv_mapping_schema.json"
_COLUMN = re.compile(r"\{([^{}]+)\}")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_MONEY_FACTOR = 100
_MISSING = re.compile(r'"(.+)" is a required property\.')


class BadMapping(Exception):
    """The mapping cannot be used, or names columns that the file has not; says all of it."""


class BadFile(Exception):
    """The file is no CSV that can be read to its end; says where it stops being one."""


class _Unfit(Exception):
    """A cell cannot be what the mapping says it is."""


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


def read_mapping(path: Path) -> Mapping[str, Any]:
    """Read a mapping. Raises BadMapping."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadMapping(f"{path} cannot be read as JSON: {error}") from error
    problems = [
        "".join(f"/{step}" for step in error.instance_path) + f": {error.message}"
        for error in _mapping_validator().iter_errors(found)
    ]
    if problems:
        raise BadMapping("; ".join(problems))
    assert isinstance(found, dict)
    return found


def events(path: Path, mapping: Mapping[str, Any]) -> Iterator[Event]:
    """Give the events of every row, in the file's order. Raises BadFile, BadMapping."""
    for row, cells in _rows(path, mapping):
        for declared in mapping["events"]:
            if _applies(declared, cells):
                yield _event(mapping["sender"], declared, row, cells)


def count(path: Path, mapping: Mapping[str, Any]) -> int:
    """Count the events, which reads the file to its end. Raises BadFile, BadMapping."""
    return sum(
        _applies(declared, cells)
        for _, cells in _rows(path, mapping)
        for declared in mapping["events"]
    )


def _rows(path: Path, mapping: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, str]]]:
    """Read row by row, each cell by column name; a blank row is none."""
    number = 1
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, delimiter=mapping.get("delimiter", ","), strict=True)
            header = next(rows, [])
            _check_columns(header, mapping)
            for number, cells in enumerate(rows, start=2):
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise BadFile(f"Row {number} has {len(cells)} cells, the header {len(header)}.")
                yield number, dict(zip(header, cells, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path} cannot be read after row {number}: {error}") from error


def _check_columns(header: list[str], mapping: Mapping[str, Any]) -> None:
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise BadMapping(f"The file has these columns twice: {', '.join(doubled)}.")
    missing = sorted(_columns_of(mapping) - set(header))
    if missing:
        raise BadMapping(
            f"The file has no column {', '.join(missing)}; it has {', '.join(header) or 'none'}."
        )


def _columns_of(mapping: Mapping[str, Any]) -> set[str]:
    """Name every column that the mapping uses."""
    found: set[str] = set()
    for declared in mapping["events"]:
        found.update(declared.get("when", {}), _COLUMN.findall(declared["id"]))
        for source in (declared["time"], *declared["data"].values()):
            found.update(_COLUMN.findall(source.get("text", "")))
            if "column" in source:
                found.add(source["column"])
    return found


def _applies(declared: Mapping[str, Any], cells: Mapping[str, str]) -> bool:
    return all(cells[column] in values for column, values in declared.get("when", {}).items())


def _event(sender: str, declared: Mapping[str, Any], row: int, cells: Mapping[str, str]) -> Event:
    fields = {f"/data/{name}": source for name, source in declared["data"].items()}
    sources = {"/time": declared["time"], **fields}
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for pointer, source in sources.items():
        try:
            values[pointer] = _value(source, cells)
        except _Unfit as unfit:
            problems.append(Problem(pointer, str(unfit)))
    if declared["time"].get("as") == "date" and values.get("/time"):
        values["/time"] += "T00:00:00Z"
    envelope = {
        "specversion": "1.0",
        "id": _filled(declared["id"], cells),
        "source": sender,
        "type": declared["type"],
        "time": values.get("/time", ""),
        "data": {
            pointer.removeprefix("/data/"): value
            for pointer, value in values.items()
            if pointer != "/time" and value is not None
        },
    }
    columns = {
        pointer: source["column"] for pointer, source in sources.items() if "column" in source
    }
    return Event(row, envelope, tuple(problems), columns)


def _value(source: Mapping[str, Any], cells: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    """Give what one field is; None where its cell is empty."""
    if "value" in source:
        return source["value"]
    if "text" in source:
        return _filled(source["text"], cells)
    text = cells[source["column"]].strip()
    if not text:
        return None
    return _READ[source["as"]](text, source)


def _filled(template: str, cells: Mapping[str, str]) -> str:
    return _COLUMN.sub(lambda found: cells[found[1]].strip(), template)


def _integer(text: str, _source: Mapping[str, Any]) -> int:
    if not _INTEGER.fullmatch(text):
        raise _Unfit("This is no whole number.")
    return int(text)


def _money(text: str, source: Mapping[str, Any]) -> int:
    """Read an amount such as 12.50 into minor units; never rounds."""
    try:
        minor = Decimal(text) * source.get("factor", _MONEY_FACTOR)
        if minor == minor.to_integral_value() and abs(minor) < Decimal(2**63):
            return int(minor)
    except InvalidOperation:
        pass
    raise _Unfit("This is no amount, or has more digits than its currency.")


def _date(text: str, _source: Mapping[str, Any]) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise _Unfit("This is no date such as 2026-03-02.") from error


def _moment(text: str, _source: Mapping[str, Any]) -> str:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise _Unfit("This is no moment such as 2026-03-02T09:00:00Z.") from error
    if moment.tzinfo is None:
        raise _Unfit("This moment has no offset, such as Z.")
    return moment.isoformat()


_READ = {
    "text": lambda text, _source: text,
    "integer": _integer,
    "money": _money,
    "date": _date,
    "moment": _moment,
}


@cache
def _mapping_validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(
        json.loads(_SCHEMA.read_text()), offline=True, validate_formats=True
    )

"""Reads column mappings: what one row of a file says, and from which of its columns."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema_rs

_SCHEMA = Path(__file__).parent / "column_mapping_schema.json"
COLUMN = re.compile(r"\{([^{}]+)\}")


class BadMapping(Exception):
    """The mapping cannot be used, or names columns that the file has not; says all of it."""


def read(text: str) -> dict[str, Any]:
    """Read a mapping from JSON. Raises BadMapping."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadMapping(f"This is no JSON: {error}.") from error
    check(found)
    assert isinstance(found, dict)
    return found


def check(found: object) -> None:
    """Raise BadMapping with everything that is wrong with a mapping."""
    problems = [
        "".join(f"/{step}" for step in error.instance_path) + f": {error.message}"
        for error in _validator().iter_errors(found)
    ]
    if not problems and isinstance(found, Mapping):
        problems = list(_contradictions(found))
    if problems:
        raise BadMapping("; ".join(problems))


def check_columns(header: Sequence[str], mapping: Mapping[str, Any]) -> None:
    """Raise BadMapping unless the file has each column that the mapping names, once."""
    used = columns_of(mapping)
    if doubled := sorted({name for name in used if header.count(name) > 1}):
        raise BadMapping(f"The file has these columns twice: {', '.join(doubled)}.")
    if missing := sorted(used - set(header)):
        raise BadMapping(
            f"The file has no column {', '.join(missing)}; it has {', '.join(header) or 'none'}."
        )


def columns_of(mapping: Mapping[str, Any]) -> set[str]:
    """Name every column that the mapping uses."""
    found: set[str] = set()
    for declared in mapping["events"]:
        found.update(declared.get("when", {}), COLUMN.findall(declared["id"]))
        for source in (declared["time"], *declared["data"].values()):
            found.update(COLUMN.findall(source.get("text", "")))
            if "column" in source:
                found.add(source["column"])
    return found


def _contradictions(mapping: Mapping[str, Any]) -> Iterator[str]:
    """Say what the schema cannot: separators that are the same, a zone that does not exist."""
    if mapping.get("decimal", ".") == mapping.get("thousands", ""):
        yield "/thousands: The same sign cannot stand between thousands and before the fraction."
    try:
        ZoneInfo(mapping.get("zone", "UTC"))
    except (KeyError, ValueError, OSError):
        yield "/zone: There is no such time zone."


@cache
def _validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(
        json.loads(_SCHEMA.read_text()), offline=True, validate_formats=True
    )

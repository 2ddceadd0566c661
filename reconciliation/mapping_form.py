"""Builds the form that maps a file's columns to one event a row, and the mapping it says."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciliation.sources import canonical

READING = ("delimiter", "encoding", "sheet", "header_row")  # needed to see the columns at all
WRITING = ("decimal", "thousands", "date_format", "zone")
DELIMITERS = ((",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar"))
ENCODINGS = ("utf-8", "cp1252", "iso-8859-15", "utf-16")
DECIMALS = ((".", "point: 12.50"), (",", "comma: 12,50"))
THOUSANDS = (
    ("", "nothing: 1234"), (",", "comma: 1,234"), (".", "point: 1.234"), (" ", "space: 1 234"),
    ("'", "apostrophe: 1'234"),
)  # fmt: skip
MONEY, JSON = "money", "json"
_WORDS = {
    "text": "text", "integer": "a whole number", MONEY: "an amount such as 12.50", "date": "a day",
    "decimal": "a number", JSON: "JSON, the same for every row",
}  # fmt: skip


class BadForm(Exception):
    """The form says no mapping; `problems` has a sentence for each control, by its name."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


@dataclass(frozen=True)
class Field:
    """One field of the event, and where it comes from."""

    name: str
    help: str
    kind: str
    is_required: bool
    column: str = ""
    fixed: str = ""
    problem: str = ""

    @property
    def words(self) -> str:
        """Say what kind of thing it is."""
        return _WORDS[self.kind]


@dataclass(frozen=True)
class Form:
    """The whole form, filled in as far as is known."""

    type: str
    fields: list[Field]
    values: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)


def types() -> list[str]:
    """Give the types that a file may tell of."""
    return [type_ for type_ in canonical.types() if type_ not in canonical.INTERNAL]


def blank(*, type_: str, header: Sequence[str]) -> dict[str, str]:
    """Fill the form in from columns that are called as the event's fields are."""
    known = {_bare(name): name for name in header}
    values = {
        f"column.{name}": known[_bare(name)]
        for name in _schema(type_)["properties"]
        if _bare(name) in known
    }
    first = header[0] if header else ""
    days = [name for name in header if re.search(r"date|day|time|datum", name, re.IGNORECASE)]
    time = {"time": days[0] if days else "", "time_as": "date"}
    return {"id": f"{type_}-{{{first}}}", **time, **values}


def of_mapping(content: Mapping[str, Any]) -> dict[str, str]:
    """Fill the form in from a mapping of one event a row."""
    event = content["events"][0]
    values = {name: str(content[name]) for name in (*WRITING, "sender") if name in content}
    values |= {"id": event["id"], "time": event["time"].get("column", "")}
    values |= {"time_as": event["time"].get("as", "date"), "type": event["type"]}
    for name, source in event["data"].items():
        if "column" in source:
            values[f"column.{name}"] = source["column"]
        else:
            fixed = source.get("text", source.get("value"))
            values[f"fixed.{name}"] = fixed if isinstance(fixed, str) else json.dumps(fixed)
    return values


def form(
    *, type_: str, values: Mapping[str, str], problems: Mapping[str, str] | None = None
) -> Form:
    """Give the form of a type with these values."""
    schema, said = _schema(type_), problems or {}
    found = [
        Field(
            name=name,
            help=_help(spec),
            kind=_kind(name, spec),
            is_required=name in schema.get("required", []),
            column=values.get(f"column.{name}", ""),
            fixed=values.get(f"fixed.{name}", ""),
            problem=said.get(name, ""),
        )
        for name, spec in schema["properties"].items()
    ]
    return Form(type_, sorted(found, key=lambda each: not each.is_required), values, said)


def content(*, type_: str, values: Mapping[str, str]) -> dict[str, Any]:
    """Give the mapping that the form says. Raises BadForm with everything that is wrong."""
    data, problems = _data(form(type_=type_, values=values).fields)
    if not values.get("time"):
        problems["time"] = "Choose the column that says when it happened."
    if not re.search(r"\{[^{}]+\}", values.get("id", "")):
        problems["id"] = "The event's id needs a column, such as pay-{id}, or all rows are one."
    if problems:
        raise BadForm(problems)
    said: dict[str, Any] = {name: values[name] for name in (*READING, *WRITING) if values.get(name)}
    if said.get("header_row", "").isdecimal():
        said["header_row"] = int(said["header_row"])
    time = {"column": values["time"], "as": values.get("time_as", "date")}
    event = {"type": type_, "id": values["id"], "time": time, "data": data}
    return {**said, "sender": values.get("sender", ""), "events": [event]}


def _data(fields: Sequence[Field]) -> tuple[dict[str, Any], dict[str, str]]:
    """Give where each field comes from, and what is wrong, by the field's name."""
    data: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for each in fields:
        try:
            if source := _source(each):
                data[each.name] = source
            elif each.is_required:
                problems[each.name] = f"{each.name} is needed: choose a column, or write a value."
        except ValueError:
            problems[each.name] = f"{each.name}: this is not {each.words}."
    return data, problems


def _source(each: Field) -> dict[str, Any] | None:
    if each.column:
        return {"column": each.column, "as": "text" if each.kind == JSON else each.kind}
    if not each.fixed:
        return None
    if each.kind in ("text", "date"):
        return {"text": each.fixed} if "{" in each.fixed else {"value": each.fixed}
    return {"value": json.loads(each.fixed)}


def _help(spec: Mapping[str, Any]) -> str:
    """Say what the field is; a file's amounts are in whole units, whatever events keep."""
    return str(spec.get("description", "")).replace("Minor units.", "").strip()


def _kind(name: str, spec: Mapping[str, Any]) -> str:
    given = spec.get("type", "string")
    names = given if isinstance(given, list) else [given]
    if {"object", "array", "boolean"} & set(names):
        return JSON
    if names == ["integer"]:
        return MONEY if name.endswith("_minor") else "integer"
    if "number" in names:
        return "decimal"
    return "date" if spec.get("format") == "date" else "text"


def _schema(type_: str) -> Mapping[str, Any]:
    return canonical.schemas()[canonical.types()[type_]]


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().removesuffix("_minor"))

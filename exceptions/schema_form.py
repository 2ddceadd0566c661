"""Builds a form from a JSON schema and reads it back: pure, for whatever schema there is.

A field's name is the JSON pointer of its value, so that what is wrong is shown where it stands.
What the form does not show of a value stays in it as it is.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Schema = Mapping[str, Any]
BLANK_ROWS = 2
_MOST_ROWS = 1_000
_KEY, _VALUE = "?key", "?value"  # the two fields of a row of named values
_MISSING = re.compile(r'^"(.+)" is a required property')
_DECIMAL = re.compile(r"^-?[0-9]{1,18}\.[0-9]{1,18}$")
_LONG = 200  # characters from which a text gets more than one line


@dataclass
class Field:
    """One input: text, long, integer, choice, boolean, moment or json."""

    pointer: str
    label: str
    kind: str
    value: str = ""
    is_required: bool = False
    help: str = ""
    options: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Give an id that markup may hold."""
        return "f" + "".join(sign if sign.isalnum() else "-" for sign in self.pointer)


@dataclass
class Row:
    """One of several alike: its fields, and what is wrong with it as a whole."""

    number: int
    fields: list[Field]
    errors: list[str] = field(default_factory=list)

    @property
    def is_blank(self) -> bool:
        """Tell whether it is there to be filled in."""
        return not any(each.value or each.errors for each in self.fields)


@dataclass
class Section:
    """Some fields under one heading, or rows of fields."""

    pointer: str
    title: str
    help: str = ""
    fields: list[Field] = field(default_factory=list)
    rows: list[Row] | None = None
    errors: list[str] = field(default_factory=list)

    def everything(self) -> Iterator[Field]:
        """Give every field, those of rows too."""
        yield from self.fields
        for row in self.rows or ():
            yield from row.fields


def sections(*, schema: Schema, value: Any, title: str, pointer: str = "") -> list[Section]:  # noqa: ANN401
    """Lay out the form for an object of this schema as it stands; nested ones get sections."""
    known = value if isinstance(value, dict) else {}
    first = Section(pointer, title)
    found = [first]
    required = set(schema.get("required", ()))
    for name, each in schema.get("properties", {}).items():
        if each is False:
            continue
        place = f"{pointer}/{_escaped(name)}"
        given = known.get(name)
        if _is_rows(each) and _fits_rows(given):
            found.append(_rows(place, name, each, given or []))
        elif _is_named(each) and _fits_named(given):
            found.append(_named(place, name, each, given or {}))
        elif _is_object(each) and isinstance(given, dict | None):
            nested = sections(schema=each, value=given, title=_label(name), pointer=place)
            nested[0].help = str(each.get("description", ""))
            for inner in nested[0].fields:
                inner.is_required = inner.is_required and (name in required or bool(given))
            found += nested
        else:
            first.fields.append(_field(place, name, each, given, is_required=name in required))
    return found


def read(*, schema: Schema, value: Any, sent: Mapping[str, str], pointer: str = "") -> Any:  # noqa: ANN401
    """Put what was sent into a copy of `value`; an empty field takes its value out."""
    made = deepcopy(value) if isinstance(value, dict) else {}
    for section in sections(schema=schema, value=value, title="", pointer=pointer):
        inner = section.pointer.removeprefix(pointer)
        if section.rows is None:
            _put_fields(made, inner, section, schema_of(schema, inner), sent)
        else:
            _put_rows(made, inner, section, schema_of(schema, inner), sent)
    return made


def spread_errors(
    laid_out: Sequence[Section], problems: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Put each problem at its field, row or section; gives those that have no place."""
    places: dict[str, list[str]] = {}
    for section in laid_out:
        places.setdefault(section.pointer, section.errors)
        for row in section.rows or ():
            places[f"{section.pointer}/{row.number}"] = row.errors
        places |= {each.pointer: each.errors for each in section.everything()}
    left = []
    for pointer, detail in problems:
        missing = _MISSING.match(detail)
        at = f"{pointer}/{_escaped(missing[1])}" if missing else pointer
        while at and at not in places:
            at = at.rpartition("/")[0]
        if at in places and (at or not pointer):
            places[at].append(detail)
        else:
            left.append((pointer, detail))
    return left


def changes(old: Any, new: Any, pointer: str = "") -> list[tuple[str, Any, Any]]:  # noqa: ANN401
    """List what differs between two values, leaf by leaf: where, old, new."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = dict.fromkeys([*old, *new])
        pairs = [(name, old.get(name), new.get(name)) for name in names]
    elif isinstance(old, list) and isinstance(new, list):
        longest = max(len(old), len(new))
        pairs = [(str(place), _at(old, place), _at(new, place)) for place in range(longest)]
    else:
        return [] if old == new and type(old) is type(new) else [(pointer, old, new)]
    return [
        change
        for name, before, after in pairs
        for change in changes(before, after, f"{pointer}/{_escaped(name)}")
    ]


def schema_of(schema: Schema, pointer: str) -> Schema:
    """Give the schema of what stands at a pointer inside."""
    found: Any = schema
    for step in [each for each in pointer.split("/") if each]:
        found = found.get("properties", {}).get(_unescaped(step), {})
    return found if isinstance(found, Mapping) else {}


def _field(pointer: str, name: str, schema: Schema, value: Any, *, is_required: bool) -> Field:  # noqa: ANN401
    kind = _kind(schema, value)
    options = [(str(each), str(each)) for each in schema.get("enum", ())]
    if kind == "boolean":
        options = [("true", "Yes"), ("false", "No")]
    written = _written(value, kind)
    if options and written and written not in dict(options):
        options.append((written, f"{written} (as it came)"))
    return Field(
        pointer=pointer,
        label=_label(name),
        kind=kind,
        value=written,
        is_required=is_required,
        help=str(schema.get("description", "")),
        options=options,
    )


def _kind(schema: Schema, value: Any) -> str:  # noqa: ANN401
    if "enum" in schema:
        return "choice"
    types = schema.get("type", ())
    types = {types} if isinstance(types, str) else set(types)
    if isinstance(value, dict | list) or types & {"object", "array"}:
        return "json"  # where it does not fit, it is shown as it is
    is_text = "string" in types and not isinstance(value, int | float | Decimal)
    if types & {"boolean", "integer", "number"} and not is_text:
        return "boolean" if "boolean" in types else "integer"
    if schema.get("format") == "date-time":
        return "moment"
    return "long" if int(schema.get("maxLength", 0)) > 10 * _LONG else "text"


def _rows(pointer: str, name: str, schema: Schema, given: Sequence[Any]) -> Section:
    items = schema["items"]
    numbers = range(min(len(given) + BLANK_ROWS, _MOST_ROWS))
    rows = [
        Row(
            number,
            [
                _field(
                    f"{pointer}/{number}/{_escaped(inner)}",
                    inner,
                    each,
                    given[number].get(inner) if number < len(given) else None,
                    is_required=inner in items.get("required", ()) and number < len(given),
                )
                for inner, each in items.get("properties", {}).items()
            ],
        )
        for number in numbers
    ]
    return Section(pointer, _label(name), str(schema.get("description", "")), rows=rows)


def _named(pointer: str, name: str, schema: Schema, given: Mapping[str, Any]) -> Section:
    rows = []
    for number, (key, value) in enumerate([*given.items(), *[("", None)] * BLANK_ROWS]):
        place = f"{pointer}/{_escaped(key)}" if key else f"{pointer}/{number}{_VALUE}"
        rows.append(
            Row(
                number,
                [
                    Field(f"{pointer}/{number}{_KEY}", "Kind", "text", key),
                    Field(place, "Value", "text", _written(value, "text")),
                ],
            )
        )
    return Section(pointer, _label(name), str(schema.get("description", "")), rows=rows)


def _put_fields(
    made: dict[str, Any], inner: str, section: Section, schema: Schema, sent: Mapping[str, str]
) -> None:
    into = _reach(made, inner, make=any(_sent(each, sent) for each in section.fields))
    if into is None:
        return
    for each in section.fields:
        if each.pointer not in sent:
            continue
        name = _unescaped(each.pointer.rpartition("/")[2])
        _put(into, name, _typed(sent[each.pointer], each.kind, schema_of(schema, name)))
    _drop_if_empty(made, inner)


def _put_rows(
    made: dict[str, Any], inner: str, section: Section, schema: Schema, sent: Mapping[str, str]
) -> None:
    parent, _, name = inner.rpartition("/")
    into = _reach(made, parent, make=True)
    assert into is not None
    given = into.get(_unescaped(name))
    found: Any = (
        _read_rows(section, schema, given if isinstance(given, list) else [], sent)
        if _is_rows(schema)
        else _read_named(section, sent)
    )
    _put(into, _unescaped(name), found or (found if given == found else None))


def _read_rows(
    section: Section, schema: Schema, given: Sequence[Any], sent: Mapping[str, str]
) -> list[Any]:
    found = []
    for row in section.rows or ():
        if sent.get(f"{section.pointer}/{row.number}?remove"):
            continue
        made = dict(given[row.number]) if row.number < len(given) else {}
        for each in row.fields:
            if each.pointer in sent:
                name = _unescaped(each.pointer.rpartition("/")[2])
                inner = schema["items"]["properties"][name]
                _put(made, name, _typed(sent[each.pointer], each.kind, inner))
        if made:
            found.append(made)
    return found


def _read_named(section: Section, sent: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for row in section.rows or ():
        key, value = (sent.get(each.pointer, each.value).strip() for each in row.fields)
        if key or value:
            found[key] = value
    return found


def _typed(text: str, kind: str, schema: Schema) -> Any:  # noqa: ANN401
    """Read what was typed; what has not the form asked for stays text, for the schema to refuse."""
    if not text.strip():
        return None
    if kind == "integer":
        is_exact = _DECIMAL.match(text.strip()) and "number" in str(schema.get("type"))
        return Decimal(text.strip()) if is_exact else _number(text.strip())
    if kind in ("choice", "boolean"):
        known = schema.get("enum", (True, False))
        return next((each for each in known if _written(each, kind) == text), text)
    if kind == "json":
        return _parsed(text)
    return text if kind == "long" else text.strip()


def _parsed(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _number(text: str) -> int | str:
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and len(digits) < 19  # noqa: PLR2004 - a bigint
    return int(text) if is_number else text


def _written(value: Any, kind: str) -> str:  # noqa: ANN401
    if value is None:
        return ""
    if kind == "json":
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _put(into: dict[str, Any], name: str, value: Any) -> None:  # noqa: ANN401
    if value is None:
        into.pop(name, None)
    else:
        into[name] = value


def _reach(made: dict[str, Any], inner: str, *, make: bool) -> dict[str, Any] | None:
    """Give the object at a pointer inside, made on the way if asked."""
    found = made
    for step in [_unescaped(each) for each in inner.split("/") if each]:
        if not isinstance(found.get(step), dict):
            if not make:
                return None
            found[step] = {}
        found = found[step]
    return found


def _drop_if_empty(made: dict[str, Any], inner: str) -> None:
    parent, _, name = inner.rpartition("/")
    into = _reach(made, parent, make=False) if inner else None
    if into is not None and into.get(_unescaped(name)) == {}:
        del into[_unescaped(name)]


def _sent(each: Field, sent: Mapping[str, str]) -> bool:
    return bool(sent.get(each.pointer, "").strip())


def _is_rows(schema: Schema) -> bool:
    return schema.get("type") == "array" and bool(schema.get("items", {}).get("properties"))


def _is_object(schema: Schema) -> bool:
    return schema.get("type") == "object" and bool(schema.get("properties"))


def _is_named(schema: Schema) -> bool:
    inner = schema.get("additionalProperties")
    return schema.get("type") == "object" and isinstance(inner, dict) and not _is_object(schema)


def _fits_rows(given: Any) -> bool:  # noqa: ANN401
    return given is None or (
        isinstance(given, list) and all(isinstance(each, dict) for each in given)
    )


def _fits_named(given: Any) -> bool:  # noqa: ANN401
    return given is None or (
        isinstance(given, dict)
        and not any(isinstance(each, dict | list) for each in given.values())
    )


def _at(values: Sequence[Any], place: int) -> Any:  # noqa: ANN401
    return values[place] if place < len(values) else None


def _label(name: str) -> str:
    text = name.removesuffix("_minor").replace("_", " ")
    said = text[:1].upper() + text[1:]
    return f"{said} (minor units)" if name.endswith("_minor") else said


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")

"""Puts the schemas of events into words, for the reference that senders read."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciliation.sources import canonical

Schema = Mapping[str, Any]
_PATTERNS = {
    "^[A-Z]{3}$": "three capital letters",
    "^[a-z][a-z_]{0,31}$": "small letters",
}
_FORMATS = {"date-time": "a moment", "uri-reference": "a URI reference"}
_MOMENT = "2026-03-02T09:00:00Z"


@dataclass(frozen=True)
class FieldRow:
    """One field in words; `name` is its path, as `lines[].quantity`."""

    name: str
    kind: str
    is_required: bool
    description: str


@dataclass(frozen=True)
class Version:
    """One published schema of a type."""

    name: str
    number: int
    description: str
    is_internal: bool  # only the product itself may say it
    fields: tuple[FieldRow, ...]
    example: str  # a whole event, laid out


@dataclass(frozen=True)
class Type:
    """One type of event with its versions, the newest first."""

    name: str
    title: str
    description: str
    versions: tuple[Version, ...]


def types() -> list[Type]:
    """Give every type, by name."""
    return [_type(name, versions) for name, versions in sorted(canonical.versions().items())]


def type_named(name: str) -> Type | None:
    """Give one type; None if there is none of this name."""
    versions = canonical.versions().get(name)
    return _type(name, versions) if versions else None


def envelope() -> Version:
    """Give what every event has around its data."""
    return _version(canonical.ENVELOPE, type_="")


def _type(name: str, versions: tuple[str, ...]) -> Type:
    newest = canonical.schemas()[versions[0]]
    return Type(
        name=name,
        title=newest["title"],
        description=newest["description"],
        versions=tuple(_version(each, type_=name) for each in versions),
    )


def _version(name: str, *, type_: str) -> Version:
    schema = canonical.schemas()[name]
    example = schema["examples"][0]
    return Version(
        name=name,
        number=int(name.rpartition(".v")[2]),
        description=schema["description"],
        is_internal=type_ in canonical.INTERNAL,
        fields=tuple(_fields(schema)),
        example=_laid_out(_event(name, type_, example) if type_ else example),
    )


def _event(name: str, type_: str, data: object) -> dict[str, object]:
    """Put an example into its envelope."""
    return {
        "specversion": "1.0",
        "id": "evt-1",
        "source": "/my-shop",
        "type": type_,
        "time": _MOMENT,
        "dataschema": f"/schemas/{name}",
        "data": data,
    }


def _fields(schema: Schema, *, path: str = "") -> Iterator[FieldRow]:
    """List the fields of an object, and below each what is inside it."""
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        if inner is False:
            continue
        yield FieldRow(
            name=f"{path}{name}",
            kind=_kind(inner),
            is_required=name in required,
            description=inner.get("description", ""),
        )
        yield from _fields(inner, path=f"{path}{name}.")
        if isinstance(items := inner.get("items"), dict):
            yield from _fields(items, path=f"{path}{name}[].")


def _kind(schema: Schema) -> str:
    """Say in words what a value may be: "text, 1 to 64 characters"."""
    if "const" in schema:
        return f"always {json.dumps(schema['const'])}"
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    given = schema.get("type", "string")
    each = [_WORDS[name] for name in ([given] if isinstance(given, str) else given)]
    said = " or ".join(each)
    limits = _limits(schema)
    return f"{said}, {limits}" if limits else said


_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
    "null": "null",
}


def _limits(schema: Schema) -> str:
    if "pattern" in schema:
        return _PATTERNS.get(schema["pattern"], f"matching {schema['pattern']}")
    if "format" in schema:
        return _FORMATS.get(schema["format"], str(schema["format"]))
    if "exclusiveMinimum" in schema:
        return f"above {schema['exclusiveMinimum']:,}"
    for low, high, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " of them"),
        ("minProperties", "maxProperties", " of them"),
    ):
        if words := _range(schema.get(low), schema.get(high), unit):
            return words
    return ""


def _range(low: int | None, high: int | None, unit: str) -> str:
    if low is not None and high is not None:
        return f"{low:,} to {high:,}{unit}"
    if high is not None:
        return f"at most {high:,}{unit}"
    return f"at least {low:,}{unit}" if low is not None else ""


def _laid_out(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)

"""Turns bytes into a message that is an event, or says everything that keeps it from being one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

import jsonschema_rs
import orjson

from reconciliation import strict
from reconciliation.sources import canonical
from reconciliation.strict import NotJson, Problem

MAX_BYTES = 1024 * 1024  # one event
_TOO_LONG = f"One event may have {MAX_BYTES} bytes at most; only so many are kept."
_MOST_PROBLEMS = 100  # more help nobody
STRUCTURED, BINARY = "application/cloudevents+json", "application/json"
# What of an envelope makes it the same event again; a repeated delivery may differ elsewhere.
_BODY = ("id", "source", "type", "subject", "data")
# Clocks that were never set stand outside this; PostgreSQL and Python both hold it.
_FIRST_YEAR, _LAST_YEAR = 1970, 2200


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message as received, and what was read from it. With problems it is no event.

    `raw` are the bytes received; of a batch the event's own part; in binary mode the same event
    written as one JSON object, around the body's bytes.
    """

    raw: bytes
    content_type: str = STRUCTURED
    envelope: Mapping[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None
    is_json: bool = True
    problems: tuple[Problem, ...] = ()

    @property
    def event_id(self) -> str:
        """Give the CloudEvents `id` as far as it could be read."""
        given = self.envelope.get("id", "")
        return given if isinstance(given, str) else ""


def structured(raw: bytes) -> Message:
    """Read one event in structured mode: a JSON object with everything in it."""
    if len(raw) > MAX_BYTES:
        return unreadable(raw=raw, content_type=STRUCTURED, detail=_TOO_LONG)
    try:
        return _judged(strict.read(strict.decode(raw)), raw=raw, content_type=STRUCTURED)
    except NotJson as error:
        return unreadable(raw=raw, content_type=STRUCTURED, detail=str(error))


def batch(raw: bytes) -> list[Message]:
    """Read an array of events, each with its own problems. Raises NotJson if it is no array."""
    return [
        _judged(item, raw=item.source.encode(errors="replace"), content_type=STRUCTURED)
        for item in strict.read_array(strict.decode(raw))
    ]


def lines(raw: bytes) -> list[bytes]:
    """Split newline-delimited JSON (NDJSON) into its lines; empty ones say nothing."""
    return [line for line in (each.strip(b" \t\r") for each in raw.split(b"\n")) if line]


def binary(*, attributes: Mapping[str, str], body: bytes) -> Message:
    """Read one event in binary mode: attributes from headers, `data` as the body."""
    raw = _around(attributes, body)
    if len(raw) > MAX_BYTES:
        return unreadable(raw=raw, content_type=BINARY, detail=_TOO_LONG)
    try:
        data = strict.read(strict.decode(body))
    except NotJson as error:
        return unreadable(raw=raw, content_type=BINARY, detail=str(error))
    problems = [Problem(f"/data{pointer}", detail) for pointer, detail in data.problems]
    problems += strict.problems(dict(attributes))  # percent-encoding can hide a NUL
    whole = strict.Text({**attributes, "data": data.value}, data.source, tuple(problems))
    return _judged(whole, raw=raw, content_type=BINARY)


def said(envelope: Mapping[str, Any]) -> Message:
    """Read an event that the product itself has put together."""
    return structured(orjson.dumps(envelope, default=_write_decimal))


def unreadable(*, raw: bytes, content_type: str, detail: str) -> Message:
    """Give a message of which nothing could be read; what is too long is kept in part."""
    return Message(
        raw=raw[:MAX_BYTES],
        content_type=content_type,
        is_json=False,
        problems=(Problem("", detail),),
    )


def refused(message: Message, problems: Sequence[Problem]) -> Message:
    """Give the message with these problems instead of those it has: it is no event."""
    return replace(message, occurred_at=None, problems=tuple(problems))


def as_json(value: object) -> str:
    """Write what was read, every digit of its decimals kept."""
    return orjson.dumps(value, default=_write_decimal).decode()


def canonical_bytes(message: Message) -> bytes:
    """Write what makes this the same event again, whatever the mode and layout it came in."""
    assert message.occurred_at is not None
    body: dict[str, Any] = {name: message.envelope.get(name) for name in _BODY}
    body["time"] = message.occurred_at.isoformat()
    return orjson.dumps(body, default=_write_decimal, option=orjson.OPT_SORT_KEYS)


def _judged(text: strict.Text, *, raw: bytes, content_type: str) -> Message:
    """Check what was read against its schemas; what is not strict JSON is not checked further."""
    if len(raw) > MAX_BYTES:
        return unreadable(raw=raw, content_type=content_type, detail=_TOO_LONG)
    envelope = text.value if isinstance(text.value, dict) else {}
    occurred_at, problems = None, text.problems
    if not problems:
        problems = tuple(islice(_schema_problems(text.value), _MOST_PROBLEMS))
    if not problems:
        occurred_at, problems = _moment(envelope["time"])
    return Message(
        is_json=not text.problems,
        raw=raw,
        content_type=content_type,
        envelope=envelope,
        occurred_at=occurred_at,
        problems=problems,
    )


def _schema_problems(value: object) -> Iterator[Problem]:
    """Say everything that is wrong with the envelope and, where its type is known, with `data`."""
    yield from _errors(canonical.ENVELOPE, value, prefix="")
    if not isinstance(value, dict):
        return
    type_ = value.get("type")
    if not isinstance(type_, str):
        return
    if (versions := canonical.versions().get(type_)) is None:
        yield Problem("/type", "No schema has this type; /schemas/ lists those there are.")
        return
    if isinstance(asked := value.get("dataschema"), str):
        if (name := canonical.schema_at(asked)) not in versions:
            known = ", ".join(f"/schemas/{each}" for each in versions)
            yield Problem("/dataschema", f"It names no version of this type; there is {known}.")
        else:
            versions = (name,)
    if isinstance(data := value.get("data"), dict):
        yield from _data_problems(versions, data)


def _data_problems(versions: Sequence[str], data: object) -> Iterator[Problem]:
    """Judge by every version that it may follow; what is wrong is said by the first."""
    if not any(_validator(name).is_valid(data) for name in versions):
        yield from _errors(versions[0], data, prefix="/data")


def _errors(name: str, value: object, *, prefix: str) -> Iterator[Problem]:
    validator = _validator(name)
    if validator.is_valid(value):
        return
    for error in validator.iter_errors(value):
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in error.instance_path)
        yield Problem("".join((prefix, *(f"/{step}" for step in steps))), _in_words(error.message))


def _in_words(message: str) -> str:
    if message.startswith("False schema"):
        return "This field may not be sent."
    return message if message.endswith(".") else f"{message}."


@cache
def _validator(name: str) -> jsonschema_rs.Validator:
    # The mask keeps values out of errors, which are stored, logged and sent back. The engine for
    # patterns takes linear time. Nothing is fetched.
    return jsonschema_rs.validator_for(
        dict(canonical.schemas()[name]),
        offline=True,
        validate_formats=True,
        mask="The value",
        pattern_options=jsonschema_rs.RegexOptions(),
    )


def _moment(text: str) -> tuple[datetime | None, tuple[Problem, ...]]:
    """Read a moment; the schema allows some that no calendar has, and leap seconds."""
    try:
        moment = datetime.fromisoformat(text.upper())
        if _FIRST_YEAR < moment.year < _LAST_YEAR:
            return moment.astimezone(UTC), ()
    except ValueError:
        pass
    return None, (Problem("/time", "This is not a moment that can be kept."),)


def _around(attributes: Mapping[str, str], body: bytes) -> bytes:
    head = orjson.dumps(attributes)
    return head[:-1] + (b"," if attributes else b"") + b'"data":' + body + b"}"


def _write_decimal(value: object) -> orjson.Fragment:
    assert isinstance(value, Decimal)
    return orjson.Fragment(str(value))

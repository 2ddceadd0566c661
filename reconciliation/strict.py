"""Reads JSON strictly: whatever it lets through can be stored, hashed and read back the same."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from threading import local
from typing import Any, NamedTuple

MAX_DEPTH = 64
_INTEGER_LIMIT = 2**63  # what a bigint and every common parser hold
_LONGEST_NUMBER = 64  # digits; longer ones are noise, or an attack on the parser
_EXPONENT_LIMIT = 300  # what a double, and PostgreSQL's numeric, hold
# NUL cannot be stored as text, half a surrogate pair is no character.
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_BLANK = re.compile(r"[ \t\n\r]*")


class NotJson(Exception):
    """The bytes are not one JSON text; the message says why, without quoting them."""


class Problem(NamedTuple):
    """One thing that is wrong: where, as a JSON pointer, and what, without quoting values."""

    pointer: str
    detail: str


class Text(NamedTuple):
    """One JSON value as read, the text it was read from, and what no event may hold in it."""

    value: Any
    source: str
    problems: tuple[Problem, ...]


class _UnfitValue:
    """Stands for a value that no event may hold."""

    def __init__(self, detail: str) -> None:
        self.detail = detail


class _DoubledKeys(dict[str, Any]):
    """An object in which a key stands twice."""


def decode(raw: bytes) -> str:
    """Turn bytes into text. Raises NotJson for a byte order mark or what is not UTF-8."""
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise NotJson("It starts with a byte order mark; send plain UTF-8.")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise NotJson(f"Byte {error.start} is not UTF-8.") from error


def read(text: str) -> Text:
    """Read one JSON text with nothing after it. Raises NotJson."""
    found, end = _READER.read(text, _BLANK.match(text, 0).end())  # type: ignore[union-attr]
    if _BLANK.match(text, end).end() != len(text):  # type: ignore[union-attr]
        raise NotJson(f"Something follows the JSON text at character {end}.")
    return found


def read_array(text: str) -> list[Text]:
    """Read an array item by item, each with its own text and problems. Raises NotJson."""
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise NotJson("A batch is a JSON array.")
    at = _skip(text, at + 1)
    found: list[Text] = []
    if text[at : at + 1] == "]":
        return _ended(text, at + 1, found)
    while True:
        item, at = _READER.read(text, at)
        found.append(item)
        at = _skip(text, at)
        if text[at : at + 1] == "]":
            return _ended(text, at + 1, found)
        if text[at : at + 1] != ",":
            raise NotJson(f"Expected a comma or the end of the array at character {at}.")
        at = _skip(text, at + 1)


def _ended(text: str, at: int, found: list[Text]) -> list[Text]:
    if _skip(text, at) != len(text):
        raise NotJson(f"Something follows the array at character {at}.")
    return found


def _skip(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    assert blank is not None  # it matches nothing, too
    return blank.end()


class _Reader(local):
    """Reads values and notes whether any needs a closer look, which most never do.

    One a thread, made once: making it takes as long as reading a small event.
    """

    def __init__(self) -> None:
        self._is_suspect = False
        self._decoder = json.JSONDecoder(
            parse_int=self._integer,
            parse_float=self._number,
            parse_constant=self._constant,
            object_pairs_hook=self._object,
        )

    def read(self, text: str, at: int) -> tuple[Text, int]:
        """Read the value that starts at `at`; gives where it ends, too."""
        self._is_suspect = False
        try:
            value, end = self._decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise NotJson(f"{error.msg} at character {error.pos}.") from error
        except RecursionError as error:
            raise NotJson(f"It is nested deeper than {MAX_DEPTH}.") from error
        source = text[at:end]
        is_deep = source.count("{") + source.count("[") > MAX_DEPTH
        if self._is_suspect or is_deep or "\\u" in source:
            return Text(value, source, tuple(problems(value))), end
        return Text(value, source, ()), end

    def _suspect(self, detail: str) -> _UnfitValue:
        self._is_suspect = True
        return _UnfitValue(detail)

    def _integer(self, digits: str) -> int | _UnfitValue:
        # The length first: turning digits into an integer takes time by their square.
        if len(digits) > _LONGEST_NUMBER or not -_INTEGER_LIMIT <= int(digits) < _INTEGER_LIMIT:
            return self._suspect("The number is beyond 64 bits.")
        return int(digits)

    def _number(self, digits: str) -> int | Decimal | _UnfitValue:
        """Read a number with a point or an exponent; 5.0 and 5 are the same number."""
        if len(digits) > _LONGEST_NUMBER:
            return self._suspect("The number has too many digits.")
        try:
            number = Decimal(digits)
        except InvalidOperation:
            return self._suspect("The number is out of range.")
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int)  # not a NaN: those are constants
        if abs(exponent) > _EXPONENT_LIMIT:
            return self._suspect("The number is out of range.")
        if abs(number) < _INTEGER_LIMIT and number == int(number):
            return int(number)
        return number

    def _constant(self, name: str) -> _UnfitValue:
        return self._suspect(f"{name} is not JSON.")

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self._is_suspect = True
        return _DoubledKeys(found)


_READER = _Reader()


def problems(value: object) -> Iterator[Problem]:
    """Say what no event may hold. Works without recursion, which deep nesting would break."""
    left: list[tuple[str, object, int]] = [("", value, 1)]
    while left:
        pointer, each, depth = left.pop()
        if isinstance(each, _UnfitValue):
            yield Problem(pointer, each.detail)
        elif isinstance(each, str):
            if _UNFIT.search(each):
                yield Problem(pointer, "It holds a NUL or half a surrogate pair.")
        elif isinstance(each, dict | list):
            if depth > MAX_DEPTH:
                yield Problem(pointer, f"It is nested deeper than {MAX_DEPTH}.")
                continue
            if isinstance(each, dict):
                yield from _key_problems(pointer, each)
            left.extend((f"{pointer}/{step}", inner, depth + 1) for step, inner in _inside(each))


def _key_problems(pointer: str, each: dict[str, Any]) -> Iterator[Problem]:
    if isinstance(each, _DoubledKeys):
        yield Problem(pointer, "A key stands twice in this object.")
    if any(_UNFIT.search(key) for key in each):
        yield Problem(pointer, "A key holds a NUL or half a surrogate pair.")


def _inside(each: dict[str, Any] | list[Any]) -> Iterator[tuple[str, Any]]:
    """Give what is inside, by step of a JSON pointer (RFC 6901), fit to be shown and stored."""
    if isinstance(each, list):
        yield from ((str(index), inner) for index, inner in enumerate(each))
        return
    for key, inner in each.items():
        yield _UNFIT.sub("\ufffd", key).replace("~", "~0").replace("/", "~1"), inner

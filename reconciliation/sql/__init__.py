"""The product's longer SQL, one statement a file, with a head comment that says what it does."""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path

import orjson

_FOLDER = Path(__file__).resolve().parent


@cache
def load(name: str) -> str:
    """Read the statement `name`.sql; it may hold `{places}` for its caller to fill."""
    return (_FOLDER / f"{name}.sql").read_text()


_ESCAPE = re.compile(rb'\\[^"\\]')  # how JSON, and not PostgreSQL, writes what cannot be seen
_SPECIAL = str.maketrans({"\\": r"\\", '"': r"\""})


def array(values: Iterable[int | str | datetime | None]) -> str:
    """Write a column of many rows as PostgreSQL reads arrays; the statement says of what type.

    The driver asks each value for its type and form, which takes many times as long. Between its
    brackets an array of JSON reads the same, but for control characters.
    """
    column = list(values)
    text = orjson.dumps(column)
    if _ESCAPE.search(text):
        return f"{{{','.join(map(_element, column))}}}"
    return f"{{{text[1:-1].decode()}}}"


def _element(value: int | str | datetime | None) -> str:
    return "NULL" if value is None else f'"{str(value).translate(_SPECIAL)}"'

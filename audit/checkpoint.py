"""The text of a checkpoint: what a seal states, in the form of a C2SP tlog-checkpoint."""

import base64
import binascii
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple


class Unreadable(Exception):
    """The text is not a checkpoint as we write them."""


class Statement(NamedTuple):
    """The tree had this size and this root at this moment."""

    origin: str
    size: int
    root: bytes
    at: datetime
    previous_root: bytes  # empty for the first
    streams: dict[str, int]  # how many rows of each stream came with it


def count(streams: Iterable[str]) -> dict[str, int]:
    """Count the rows of each stream, by name."""
    return dict(sorted(Counter(streams).items()))


def write(statement: Statement) -> str:
    """Put a statement into the text that is signed."""
    lines = (
        statement.origin,
        str(statement.size),
        base64.b64encode(statement.root).decode(),
        f"time {statement.at.isoformat()}",
        f"previous {base64.b64encode(statement.previous_root).decode()}",
        "streams " + " ".join(f"{name}={rows}" for name, rows in statement.streams.items()),
    )
    return "\n".join(lines) + "\n"


def read(text: str) -> Statement:
    """Take a statement from its text. Raises Unreadable if `write` does not give the same text."""
    try:
        origin, size, root, at, previous, streams = text.splitlines()
        statement = Statement(
            origin=origin,
            size=int(size),
            root=base64.b64decode(root, validate=True),
            at=datetime.fromisoformat(at.removeprefix("time ")),
            previous_root=base64.b64decode(previous.removeprefix("previous "), validate=True),
            streams=_read_streams(streams.removeprefix("streams ")),
        )
    except (ValueError, binascii.Error) as refusal:
        raise Unreadable("The text is not a checkpoint.") from refusal
    if write(statement) != text:
        raise Unreadable("The text is not a checkpoint as we write them.")
    return statement


def _read_streams(text: str) -> dict[str, int]:
    pairs = (item.split("=") for item in text.split())
    return {name: int(rows) for name, rows in pairs}

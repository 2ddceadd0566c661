"""Reads the records of an export that somebody brought: a line or a row each, as events."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reconciliation import uploads, validate
from reconciliation.models import ColumnMapping, ImportFile
from reconciliation.sources import mapping as columns
from reconciliation.sources import row_events, tables
from reconciliation.sources.cells import Cell, as_text
from reconciliation.validate import Message

_MARK = b"\xef\xbb\xbf"  # a byte order mark, with which some editors begin a file
_AT_ONCE = 4  # parts of a file in memory, 1 MiB each


class Raw(NamedTuple):
    """One record as it stands in the file: the bytes of a line, or the cells of a row."""

    place: str  # "line 7", as an editor numbers it
    number: int
    line: bytes = b""
    header: Sequence[str] = ()
    cells: Sequence[Cell] = ()


def records(file: ImportFile, mapping: ColumnMapping | None) -> Iterator[Raw]:
    """Give what is not blank, in the file's order; without a mapping it is NDJSON.

    Raises BadFile, BadMapping, CannotImport where a table cannot be read.
    """
    return _lines(file) if mapping is None else _rows(file, mapping)


def messages(raw: Raw, mapping: ColumnMapping | None) -> list[Message]:
    """Turn one record into the events that it is, each with all that is wrong with it."""
    if mapping is None:
        return [validate.structured(raw.line)]
    made = row_events.of_row(
        row=raw.number, header=raw.header, cells=raw.cells, mapping=mapping.content
    )
    return [message(raw.number, raw.cells, event) for event in made]


def message(number: int, cells: Sequence[Cell], event: row_events.Event) -> Message:
    """Read an event that a table's row makes."""
    if not event.envelope:
        raw = json.dumps({"row": number, "cells": cells}).encode()
        unread = validate.unreadable(raw=raw, content_type="application/json", detail="")
        return validate.refused(unread, event.problems)
    read = validate.said(event.envelope)
    if event.problems or read.problems:
        read = validate.refused(read, event.explained(read.problems))
    return read


def _lines(file: ImportFile) -> Iterator[Raw]:
    for number, line in enumerate(_split(file), start=1):
        if found := line.removeprefix(_MARK if number == 1 else b"").strip(b"\r\n \t"):
            yield Raw(f"line {number}", number, line=found)


def _split(file: ImportFile) -> Iterator[bytes]:
    """Give the file line by line, a few of its parts in memory at a time."""
    parts = file.parts.order_by("number").values_list("content", flat=True)
    left = b""
    for part in parts.iterator(chunk_size=_AT_ONCE):
        *lines, left = (left + bytes(part)).split(b"\n")
        yield from lines
    yield left


def _rows(file: ImportFile, mapping: ColumnMapping) -> Iterator[Raw]:
    found = tables.rows(uploads.content(file), mapping.content)
    first = next(found, None)
    header = [as_text(cell) for cell in first.cells] if first else []
    columns.check_columns(header, mapping.content)
    for row in found:
        yield Raw(f"row {row.number}", row.number, header=header, cells=row.cells)

"""Reads the rows of CSV and XLSX files, every cell as exact as the file has it."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.cell.cell import TYPE_ERROR

from reconciliation.sources.cells import ERROR, MOMENT, NUMBER, Cell, Typed

MOST_ROWS = 100_000
_MOST_UNPACKED = 64 * 1024 * 1024  # bytes of all parts of an XLSX file together
_MOST_PARTS = 1_000
_MOST_COLUMNS = 500
_ZIP = b"PK\x03\x04"
_CHUNK = 1024 * 1024
_ZEROS = re.compile(r"0{2,64}")
# A formula whose value was never calculated: what it says is not in the file.
_UNSAVED = re.compile(rb"(?:</f>|<f(?:\s[^>]*)?/>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")
_DELIMITERS = ",;\t|"


class BadFile(Exception):
    """The file cannot be read to its end; says where it stops, and what to do."""


class Row(NamedTuple):
    """One row that is not blank, by its number in the spreadsheet."""

    number: int
    cells: list[Cell]


def is_xlsx(content: bytes) -> bool:
    """Tell whether a file is a workbook; anything else is read as CSV."""
    return content.startswith(_ZIP)


def rows(content: bytes, options: Mapping[str, Any]) -> Iterator[Row]:
    """Give the header, then each row below that is not blank. Raises BadFile.

    `options` is a mapping: its sheet, header row, delimiter and encoding count here.
    """
    first = options.get("header_row", 1)
    found = _xlsx(content, options) if is_xlsx(content) else _csv(content, options)
    for count, row in enumerate(found):
        if row.number < first:
            continue
        if count > MOST_ROWS:
            raise BadFile(f"The file has more than {MOST_ROWS:,} rows. Split it.")
        if len(row.cells) > _MOST_COLUMNS:
            raise BadFile(f"Row {row.number} has more than {_MOST_COLUMNS} columns.")
        yield row


def guess(content: bytes) -> dict[str, Any]:
    """Guess how a CSV file is written, for a form to begin with."""
    if is_xlsx(content):
        return {}
    try:
        encoding, text = "utf-8", content.decode("utf-8-sig")
    except UnicodeDecodeError:
        encoding, text = "cp1252", content.decode("cp1252", errors="replace")
    line = text.split("\n", 1)[0]
    return {"encoding": encoding, "delimiter": max(_DELIMITERS, key=line.count)}


def _csv(content: bytes, options: Mapping[str, Any]) -> Iterator[Row]:
    named = options.get("encoding", "utf-8")
    encoding = "utf-8-sig" if named == "utf-8" else named  # a byte order mark is no column's name
    delimiter = options.get("delimiter", ",")
    number = 0
    try:
        text = io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="")
        for number, cells in enumerate(csv.reader(text, delimiter=delimiter, strict=True), start=1):
            if any(map(str.strip, cells)):
                yield Row(number, list(cells))
    except (UnicodeError, csv.Error) as error:
        raise BadFile(f"The file cannot be read after row {number}: {error}.") from error


def _xlsx(content: bytes, options: Mapping[str, Any]) -> Iterator[Row]:
    try:
        _check_parts(content)
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        try:
            yield from _sheet_rows(_sheet(book, options.get("sheet", "")))
        finally:
            book.close()
    except (zipfile.BadZipFile, ParseError, KeyError, ValueError, TypeError, OSError) as error:
        raise BadFile(f"The workbook cannot be read: {error}.") from error


def _check_parts(content: bytes) -> None:
    """Refuse a workbook that would unpack into more than memory should hold.

    The sizes are those that the archive states; no more than stated is ever unpacked.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
        size = sum(part.file_size for part in parts)
        if len(parts) > _MOST_PARTS or size > _MOST_UNPACKED:
            raise BadFile(
                f"The workbook unpacks into more than {_MOST_UNPACKED // _CHUNK} MiB."
                " Save the sheet as CSV, or split it."
            )
        for part in parts:
            if part.filename.startswith("xl/worksheets/") and _has_unsaved(archive, part):
                raise BadFile(
                    "The workbook has formulas whose values were never calculated."
                    " Open it in a spreadsheet, save it there, and try again."
                )


def _has_unsaved(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Tell whether a sheet has formulas without values, reading piece by piece."""
    before = b""
    with archive.open(part) as file:
        while piece := file.read(_CHUNK):
            if _UNSAVED.search(before + piece):
                return True
            before = piece[-200:]
    return False


def _sheet(book: Any, name: str) -> Any:  # noqa: ANN401 - openpyxl has no types
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if name and name not in sheets:
        raise BadFile(f"There is no sheet {name!r}; there are: {', '.join(sheets)}.")
    if not sheets:
        raise BadFile("The workbook has no sheet.")
    return sheets[name] if name else next(iter(sheets.values()))


def _sheet_rows(sheet: Any) -> Iterator[Row]:  # noqa: ANN401 - openpyxl has no types
    """Give the rows, each as wide as the first: a sheet leaves out empty cells at the end."""
    sheet.reset_dimensions()  # what it states of its size may be wrong
    width = 0
    for number, found in enumerate(sheet.iter_rows(), start=1):
        cells = _cut([_cell(cell) for cell in found])
        if not cells:
            continue
        width = width or len(cells)
        yield Row(number, cells + [""] * (width - len(cells)))


def _cut(cells: Sequence[Cell]) -> list[Cell]:
    """Drop empty cells at the end."""
    kept = list(cells)
    while kept and kept[-1] == "":
        kept.pop()
    return kept


def _cell(cell: Any) -> Cell:  # noqa: ANN401 - openpyxl has no types
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == TYPE_ERROR:
        return Typed(ERROR, str(value))
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return Typed(MOMENT, value.replace(microsecond=0).isoformat())
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format))
    return str(value)


def _number(value: float, layout: str) -> Cell:
    """Write a number as the sheet shows it: an id laid out as 000000 keeps its zeros.

    A spreadsheet calculates in binary and shows 15 digits: 0.1 + 0.2 is 0.3 there, and here.
    """
    exact = Decimal(value) if isinstance(value, int) else Decimal(f"{value:.15g}")
    text = format(exact, "f")
    if _ZEROS.fullmatch(layout) and text.isdigit():
        return text.zfill(len(layout))
    return Typed(NUMBER, text)

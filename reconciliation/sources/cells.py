"""Reads single cells: text as a file writes it, or a number or moment as a spreadsheet keeps it.

Amounts are exact: text is read by its signs, never as a float, and nothing is rounded.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

NUMBER, MOMENT, ERROR = "number", "moment", "error"
_LARGEST = Decimal(2**63)
_LONGEST = 40  # characters of a number
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u202f\u2009", " "))  # between thousands
_NO_AMOUNT = "This is no amount, or has more digits than its currency."


class Typed(NamedTuple):
    """What a spreadsheet keeps as more than text; `text` writes it out, whatever its layout."""

    kind: str  # number, moment, error
    text: str  # 12.5, 2026-03-02T09:00:00, #N/A


Cell = str | Typed


class Unfit(Exception):
    """A cell cannot be what the mapping says it is."""


def as_text(cell: Cell) -> str:
    """Give what a cell says, as text; a day has no time of day."""
    if isinstance(cell, str):
        return cell.strip()
    if cell.kind == ERROR:
        raise Unfit(f"The cell holds the error {cell.text}.")
    return cell.text.removesuffix("T00:00:00") if cell.kind == MOMENT else cell.text


def value(cell: Cell, spec: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Give what a cell is, by `spec`: the mapping's field with its options; None if empty.

    Raises Unfit.
    """
    return _READ[spec["as"]](cell, spec) if as_text(cell) else None


def number(cell: Cell, spec: Mapping[str, Any]) -> Decimal:
    """Read a number with the mapping's signs: 12.50, 12.345,67, 1 234,5-, (7.00). Raises Unfit."""
    text = as_text(cell)
    if isinstance(cell, Typed):
        if cell.kind == NUMBER:
            return Decimal(text)
        raise Unfit("This is a day, not a number.")
    thousands = spec.get("thousands", "")
    if thousands == " ":
        text = text.translate(_SPACES)
    is_negative, body = _signed(text)
    found = _shape(spec.get("decimal", "."), thousands).fullmatch(body)
    if not found or len(text) > _LONGEST:
        raise Unfit("This is no number.")
    whole = found["whole"].replace(thousands, "") if thousands else found["whole"]
    amount = Decimal(f"{whole}.{found['fraction'] or '0'}")
    return -amount if is_negative else amount


def _signed(text: str) -> tuple[bool, str]:
    """Take the sign off, wherever book-keeping puts it."""
    if text.startswith("(") and text.endswith(")"):
        return True, text[1:-1]
    if text.startswith(("-", "\N{MINUS SIGN}")):
        return True, text[1:]
    if text.endswith("-"):
        return True, text[:-1]
    return False, text.removeprefix("+")


@cache
def _shape(decimal: str, thousands: str) -> re.Pattern[str]:
    whole = "[0-9]+"
    if thousands:
        whole = rf"[0-9]+|[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+"
    return re.compile(rf"(?P<whole>{whole})(?:{re.escape(decimal)}(?P<fraction>[0-9]+))?")


def _text(cell: Cell, spec: Mapping[str, Any]) -> str:
    text = as_text(cell)
    return text.zfill(spec.get("pad", 0)) if text.isascii() and text.isdigit() else text


def _integer(cell: Cell, spec: Mapping[str, Any]) -> int:
    try:
        return _whole(number(cell, spec))
    except Unfit as unfit:
        raise Unfit("This is no whole number.") from unfit


def _money(cell: Cell, spec: Mapping[str, Any]) -> int:
    """Read an amount such as 12.50 into minor units; never rounds."""
    try:
        return _whole(number(cell, spec) * spec["factor"])
    except Unfit as unfit:
        raise Unfit(_NO_AMOUNT) from unfit


def _whole(amount: Decimal) -> int:
    if amount != amount.to_integral_value() or abs(amount) >= _LARGEST:
        raise Unfit
    return int(amount)


def _date(cell: Cell, spec: Mapping[str, Any]) -> str:
    text = as_text(cell)
    try:
        if isinstance(cell, Typed) and cell.kind == MOMENT:
            return datetime.fromisoformat(cell.text).date().isoformat()
        if form := spec.get("date_format"):
            return datetime.strptime(text, form).replace(tzinfo=UTC).date().isoformat()
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise Unfit(f"This is no date such as {_sample(spec, '2026-03-02')}.") from error


def _moment(cell: Cell, spec: Mapping[str, Any]) -> str:
    text = as_text(cell)
    try:
        if isinstance(cell, Typed) and cell.kind == MOMENT:
            moment = datetime.fromisoformat(cell.text)
        elif form := spec.get("date_format"):
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - its zone comes right after
        else:
            moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        sample = _sample(spec, "2026-03-02T09:00:00Z")
        raise Unfit(f"This is no moment such as {sample}.") from error
    if moment.tzinfo is None:
        if "zone" not in spec:
            raise Unfit("This moment has no offset, such as Z, and the mapping names no zone.")
        moment = moment.replace(tzinfo=ZoneInfo(spec["zone"]))
    return moment.isoformat()


def _sample(spec: Mapping[str, Any], otherwise: str) -> str:
    """Write a day as the mapping wants it."""
    form = spec.get("date_format")
    return datetime(2026, 3, 2, 9, tzinfo=UTC).strftime(form) if form else otherwise


_READ = {
    "text": _text,
    "integer": _integer,
    "decimal": number,
    "money": _money,
    "date": _date,
    "moment": _moment,
}

"""Reads an outside system's JSON field by field, and notes all that is wrong instead of raising.

What cannot be read gives a blank of its type, so that one look finds every problem.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from reconciliation.money import NotMoney, to_minor
from reconciliation.strict import Problem

_Value = TypeVar("_Value")
_MISSING = "It is missing."
_CURRENCY = re.compile(r"[A-Z]{3}")
_LAST_SECOND = 7_258_118_400  # the year 2200
_EPOCH = "1970-01-01T00:00:00+00:00"


class Fields:
    """One JSON object at its place; `problems` is shared with every object inside it."""

    def __init__(
        self, value: object, *, pointer: str = "", problems: list[Problem] | None = None
    ) -> None:
        self.value = value
        self.pointer = pointer
        self.problems = [] if problems is None else problems
        self._known: Mapping[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            self.problems.append(Problem(pointer, "This is no object."))

    def has(self, name: str) -> bool:
        """Tell whether the field holds anything."""
        return self._known.get(name) not in (None, "", [], {})

    def text(self, name: str, *, default: str | None = None) -> str:
        """Read text; a number is an id and is read as its digits."""
        value = self._known.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is None or value == "":
            return self._absent(name, default, "")
        if not isinstance(value, str):
            return self._wrong(name, "This is no text.", "")
        return value

    def integer(self, name: str, *, default: int | None = None) -> int:
        """Read a whole number."""
        value = self._known.get(name)
        if value is None:
            return self._absent(name, default, 0)
        if isinstance(value, bool) or not isinstance(value, int):
            return self._wrong(name, "This is no whole number.", 0)
        return value

    def flag(self, name: str) -> bool:
        """Tell whether the field is true; anything else is not."""
        return self._known.get(name) is True

    def currency(self, name: str, *, default: str | None = None) -> str:
        """Read an ISO 4217 code, in any case."""
        found = self.text(name, default=default).upper()
        if found and not _CURRENCY.fullmatch(found):
            return self._wrong(name, "This is no ISO 4217 code.", "")
        return found

    def money(self, name: str, currency: str) -> int:
        """Read an amount such as "199.00" or 199 into minor units, exactly."""
        value = self._known.get(name)
        if value is None or value == "":
            return self._absent(name, None, 0)
        if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
            return self._wrong(name, "This is no amount.", 0)
        try:
            return to_minor(value, currency)
        except NotMoney as error:
            return self._wrong(name, str(error), 0)

    def moment(self, name: str, *, is_utc: bool = False) -> str:
        """Read a moment as text; one without offset is in UTC only where the system says so."""
        given = self.text(name)
        if not given:
            return _EPOCH
        try:
            found = datetime.fromisoformat(given.upper())
        except ValueError:
            return self._wrong(name, "This is no moment such as 2026-03-02T09:00:00Z.", _EPOCH)
        if found.tzinfo is None:
            if not is_utc:
                return self._wrong(name, "This moment has no offset, such as Z.", _EPOCH)
            found = found.replace(tzinfo=UTC)
        return found.isoformat()

    def since_1970(self, name: str, *, per_second: int = 1) -> str:
        """Read a moment as a count since 1970: of seconds, or of parts of one."""
        count = self.integer(name)
        if not 0 <= count < _LAST_SECOND * per_second:
            return self._wrong(name, "This is no moment that can be kept.", _EPOCH)
        seconds, part = divmod(count, per_second)
        whole = datetime.fromtimestamp(seconds, tz=UTC)
        return whole.replace(microsecond=part * 1_000_000 // per_second).isoformat()

    def inside(self, name: str) -> "Fields":
        """Give the object in a field; what is not there is an object with nothing in it."""
        value = self._known.get(name)
        return self._at(name, {} if value is None else value)

    def each(self, name: str) -> list["Fields"]:
        """Give the objects of a list; what is not there is a list with nothing in it."""
        value = self._known.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            return self._wrong(name, "This is no list.", [])
        return [self._at(f"{name}/{place}", item) for place, item in enumerate(value)]

    def refuse(self, name: str, detail: str) -> None:
        """Note what is wrong with a field; "" is the object itself."""
        self._wrong(name, detail, None)

    def _at(self, step: str, value: object) -> "Fields":
        return Fields(value, pointer=f"{self.pointer}/{step}", problems=self.problems)

    def _absent(self, name: str, default: _Value | None, blank: _Value) -> _Value:
        return self._wrong(name, _MISSING, blank) if default is None else default

    def _wrong(self, name: str, detail: str, blank: _Value) -> _Value:
        step = f"/{name}" if name else ""
        self.problems.append(Problem(f"{self.pointer}{step}", detail))
        return blank

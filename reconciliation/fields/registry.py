"""A set of fields over one model, and what is done with conditions over them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, Q

from reconciliation.fields.kinds import Asked, BadCondition, Field, Value

Condition = Mapping[str, Any]


class Registry(Mapping[str, Field]):
    """Fields by name, in the order a form shows them.

    A list of conditions means all of them; {"any": […]} and {"all": […]} nest.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self._fields = {field.name: field for field in fields}

    def __getitem__(self, name: str) -> Field:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __hash__(self) -> int:
        return id(self)

    def renamed(self, names: Mapping[str, str]) -> "Registry":
        """Give the same fields, some under another name."""
        return Registry(
            replace(field, name=names.get(field.name, field.name))
            for field in self._fields.values()
        )

    def under(self, prefix: str) -> list[Field]:
        """Give the same fields as seen through a relation, such as `order__`."""
        return [
            replace(field, paths=tuple(_under(prefix, path) for path in field.paths))
            for field in self._fields.values()
        ]

    def to_q(
        self, conditions: Sequence[Condition], *, at: datetime | None = None, me: str = ""
    ) -> Q:
        """Write conditions for the database. Raises BadCondition."""
        asked = Asked(at, me)
        return self._all_q(conditions, asked)

    def to_words(self, conditions: Sequence[Condition]) -> str:
        """Say conditions in one sentence without a full stop; "" if there are none."""
        return " and ".join(self._words(each) for each in conditions)

    def evaluate(
        self,
        conditions: Sequence[Condition],
        values: Mapping[str, Any],
        *,
        at: datetime | None = None,
        me: str = "",
    ) -> bool:
        """Answer conditions over `values` (by field name), exactly as the database would."""
        asked = Asked(at, me)
        return all(self._holds(each, values, asked) for each in conditions)

    def values_of(self, row: Model) -> dict[str, Any]:
        """Read every field's value off a row, for `evaluate`."""
        return {field.name: _read(row, field.paths) for field in self._fields.values()}

    def problems(self, conditions: Sequence[Condition]) -> list[str]:
        """Say what is wrong with each condition; nothing if all have a meaning."""
        found = []
        for each in conditions:
            try:
                self._words(each)
            except BadCondition as problem:
                found.append(str(problem))
        return found

    def _field(self, condition: Condition) -> Field:
        try:
            return self._fields[condition["field"]]
        except KeyError as error:
            name = condition.get("field", "")
            raise BadCondition(f"There is no field “{name}”.") from error

    def _all_q(self, conditions: Sequence[Condition], asked: Asked) -> Q:
        found = Q()
        for each in conditions:
            found &= self._one_q(each, asked)
        return found

    def _one_q(self, condition: Condition, asked: Asked) -> Q:
        if "all" in condition:
            return self._all_q(condition["all"], asked)
        if "any" in condition:
            found = Q(pk__in=[])  # any of nothing is false
            for each in condition["any"]:
                found |= self._one_q(each, asked) or ~Q(pk__in=[])
            return found
        field = self._field(condition)
        return field.q(condition.get("operator", ""), condition.get("value"), asked)

    def _holds(self, condition: Condition, values: Mapping[str, Any], asked: Asked) -> bool:
        if "all" in condition:
            return all(self._holds(each, values, asked) for each in condition["all"])
        if "any" in condition:
            return any(self._holds(each, values, asked) for each in condition["any"])
        field = self._field(condition)
        operator = condition.get("operator", "")
        return field.holds(operator, condition.get("value"), values[field.name], asked)

    def _words(self, condition: Condition) -> str:
        if "all" in condition:
            return "(" + " and ".join(self._words(each) for each in condition["all"]) + ")"
        if "any" in condition:
            return "(" + " or ".join(self._words(each) for each in condition["any"]) + ")"
        field = self._field(condition)
        return field.words(condition.get("operator", ""), condition.get("value"))


def _under(prefix: str, path: str) -> str:
    return f"-{prefix}{path[1:]}" if path.startswith("-") else f"{prefix}{path}"


def _read(row: Model, paths: Sequence[str]) -> Value:
    parts = [_follow(row, path.removeprefix("-")) for path in paths]
    if len(parts) == 1:
        return parts[0]
    if None in parts:
        return None
    return sum(
        -part if path.startswith("-") else part for path, part in zip(paths, parts, strict=True)
    )


def _follow(row: Model, path: str) -> Value:
    found: Any = row
    for step in path.split("__"):
        try:
            found = getattr(found, step)
        except ObjectDoesNotExist:
            return None
        if found is None:
            return None
    return found

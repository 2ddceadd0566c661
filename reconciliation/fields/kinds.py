"""The kinds of fields, each with its operators: as SQL, in words, and over a plain value.

Both answers are two-valued: a comparison with nothing is false, and `is_not` of it is true.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from django.db.models import CharField, Expression, F, Lookup, Q, TextField
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThanOrEqual

Choices = Sequence[tuple[str, str]]
Value = Any  # what JSON or a column holds


class BadCondition(Exception):
    """A condition that has no meaning: an unknown field or operator, or a value it cannot take."""


class Asked(NamedTuple):
    """Who asks, and of which moment."""

    at: datetime | None
    me: str

    def moment(self) -> datetime:
        """Give the moment; BadCondition where the question has none, as in a check."""
        if self.at is None:
            raise BadCondition("This condition needs a moment to count from.")
        return self.at


class _HasText(Lookup):
    """Contains, letters A to Z alike in both cases: the same in every locale, and in Python."""

    lookup_name = "has_text"

    def as_sql(self, compiler: Value, connection: Value) -> tuple[str, tuple[Any, ...]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        text = f'strpos(upper({left} COLLATE "C"), upper({right} COLLATE "C")) > 0'
        return text, (*left_params, *right_params)


CharField.register_lookup(_HasText)
TextField.register_lookup(_HasText)

_WORDS = {
    "is": "is",
    "is_not": "is not",
    "is_any_of": "is any of",
    "is_empty": "is not set",
    "is_not_empty": "is set",
    "at_least": "is at least",
    "at_most": "is at most",
    "contains": "contains",
    "in_last": "is in the last",
}
_VALUELESS = {"is_empty", "is_not_empty"}


@dataclass(frozen=True)
class Field:
    """One thing that conditions may speak of; `paths` lead to it from the registry's model.

    Several paths are added up; one that begins with "-" is taken away.
    """

    name: str
    label: str
    paths: tuple[str, ...]

    control: ClassVar[str] = "text"  # choice, flag, money, number, text, date, duration
    operators: ClassVar[tuple[str, ...]] = ("is", "is_not", "is_any_of", "is_empty", "is_not_empty")

    def clean(self, operator: str, value: Value) -> Value:
        """Check a condition's value and give it in Python's type. Raises BadCondition."""
        if operator not in self.operators:
            raise BadCondition(f"{self.label} cannot be asked “{_WORDS.get(operator, operator)}”.")
        if operator in _VALUELESS:
            return None
        if operator == "is_any_of":
            if not isinstance(value, list | tuple):
                raise BadCondition(f"{self.label} needs a list of values.")
            return [self._one(operator, each) for each in value]
        return self._one(operator, value)

    def q(self, operator: str, value: Value, asked: Asked) -> Q:
        """Write the condition for the database."""
        wanted = self.clean(operator, value)
        if operator == "is_not":
            return ~self._leaf("is", wanted, asked)
        if operator == "is_not_empty":
            return ~self._leaf("is_empty", wanted, asked)
        return self._leaf(operator, wanted, asked)

    def holds(self, operator: str, value: Value, actual: Value, asked: Asked) -> bool:
        """Answer the condition for one value, exactly as the database would."""
        wanted = self.clean(operator, value)
        if operator == "is_not":
            return not self._compare("is", wanted, actual, asked)
        if operator == "is_not_empty":
            return not self._compare("is_empty", wanted, actual, asked)
        return self._compare(operator, wanted, actual, asked)

    def words(self, operator: str, value: Value) -> str:
        """Say the condition."""
        wanted = self.clean(operator, value)
        if operator in _VALUELESS:
            return f"{self.label} {_WORDS[operator]}"
        many = wanted if isinstance(wanted, list) else [wanted]
        return f"{self.label} {_WORDS[operator]} {', '.join(self.say(each) for each in many)}"

    def say(self, value: Value) -> str:
        """Say one value."""
        return str(value)

    def options(self) -> Choices:
        """Give what a form offers to choose from; nothing where any value may be typed."""
        return ()

    def _one(self, _operator: str, value: Value) -> Value:
        if not isinstance(value, str):
            raise BadCondition(f"{self.label} needs a text.")
        return value

    def _leaf(self, operator: str, wanted: Value, _asked: Asked) -> Q:
        path = self._path()
        lookup = {
            "is": "exact", "is_any_of": "in", "at_least": "gte", "at_most": "lte",
            "contains": "has_text",
        }  # fmt: skip
        if operator == "is_empty":
            return Q(**{f"{path}__isnull": True})
        found = Q(**{f"{path}__{lookup[operator]}": wanted})
        # Beyond a join the value may be missing. Said outright, because Django guards the negation
        # by the kind of join at that moment, and another condition may change that join later.
        return found & Q(**{f"{path}__isnull": False}) if "__" in path else found

    def _compare(self, operator: str, wanted: Value, actual: Value, _asked: Asked) -> bool:
        if operator == "is_empty":
            return actual is None
        if actual is None:
            return False
        return _COMPARE[operator](actual, wanted)

    def _path(self) -> str:
        (path,) = self.paths
        return path


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "is": lambda actual, wanted: bool(actual == wanted),
    "is_any_of": lambda actual, wanted: actual in wanted,
    "at_least": lambda actual, wanted: bool(actual >= wanted),
    "at_most": lambda actual, wanted: bool(actual <= wanted),
    "contains": lambda actual, wanted: _upper(wanted) in _upper(actual),
}
_UPPER = {ord(letter): letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"}


def _upper(text: str) -> str:
    return text.translate(_UPPER)


@dataclass(frozen=True)
class Text(Field):
    """Free text; empty text counts as not set."""

    operators: ClassVar[tuple[str, ...]] = (
        "contains", "is", "is_not", "is_any_of", "is_empty", "is_not_empty",
    )  # fmt: skip

    def _leaf(self, operator: str, wanted: Value, asked: Asked) -> Q:
        if operator == "is_empty":
            path = self._path()
            return Q(**{f"{path}__isnull": True}) | Q(**{path: ""})
        return super()._leaf(operator, wanted, asked)

    def _compare(self, operator: str, wanted: Value, actual: Value, asked: Asked) -> bool:
        return super()._compare(operator, wanted, actual, asked) or (
            operator == "is_empty" and actual == ""
        )


@dataclass(frozen=True)
class Choice(Text):
    """One of a list of words, which may come from the database."""

    choices: Choices | Callable[[], Choices] = ()
    control: ClassVar[str] = "choice"
    operators: ClassVar[tuple[str, ...]] = ("is", "is_not", "is_any_of", "is_empty", "is_not_empty")

    def options(self) -> Choices:
        """Give the values with their words."""
        return self.choices() if callable(self.choices) else self.choices

    def say(self, value: Value) -> str:
        """Say the word of a value; the value itself where it is no longer offered."""
        return dict(self.options()).get(value, str(value))


@dataclass(frozen=True)
class Person(Choice):
    """A user by name; "me" is who asks, "unassigned" nobody."""

    def options(self) -> Choices:
        """Offer oneself and nobody before all others."""
        return [("me", "me"), ("unassigned", "unassigned"), *super().options()]

    def _leaf(self, operator: str, wanted: Value, asked: Asked) -> Q:
        if operator == "is_empty":
            return super()._leaf(operator, wanted, asked)
        names = [wanted] if operator == "is" else wanted
        found = super()._leaf("is_any_of", [_who(name, asked) for name in names], asked)
        return found | super()._leaf("is_empty", None, asked) if "unassigned" in names else found

    def _compare(self, operator: str, wanted: Value, actual: Value, asked: Asked) -> bool:
        if operator == "is_empty" or actual is None or actual == "":
            names = [wanted] if operator == "is" else wanted or []
            return not actual and (operator == "is_empty" or "unassigned" in names)
        names = [wanted] if operator == "is" else wanted
        return actual in [_who(name, asked) for name in names]


def _who(name: str, asked: Asked) -> str:
    return asked.me if name == "me" else name


@dataclass(frozen=True)
class Flag(Field):
    """Yes or no, written "true" or "false"."""

    control: ClassVar[str] = "flag"
    operators: ClassVar[tuple[str, ...]] = ("is",)

    def options(self) -> Choices:
        """Offer both answers."""
        return (("true", "yes"), ("false", "no"))

    def say(self, value: Value) -> str:
        """Say the answer."""
        return "yes" if value else "no"

    def _one(self, _operator: str, value: Value) -> Value:
        if value not in ("true", "false"):
            raise BadCondition(f"{self.label} is “true” or “false”.")
        return value == "true"


@dataclass(frozen=True)
class Present(Flag):
    """Whether there is something, written "true" or "false"."""

    def _leaf(self, _operator: str, wanted: Value, _asked: Asked) -> Q:
        return Q(**{f"{self._path()}__isnull": not wanted})

    def _compare(self, _operator: str, wanted: Value, actual: Value, _asked: Asked) -> bool:
        return bool((actual is not None) == wanted)


@dataclass(frozen=True)
class Number(Field):
    """A whole number, which may be a sum of others."""

    control: ClassVar[str] = "number"
    operators: ClassVar[tuple[str, ...]] = ("at_least", "at_most", "is", "is_not")

    def _one(self, _operator: str, value: Value) -> Value:
        if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]{1,18}", str(value)):
            raise BadCondition(f"{self.label} needs a whole number.")
        return int(value)

    def _leaf(self, operator: str, wanted: Value, asked: Asked) -> Q:
        if len(self.paths) == 1:
            return super()._leaf(operator, wanted, asked)
        comparison = _OF_SUMS[operator](self._sum(), wanted)
        # Beyond a join the sum may be unknown, and then every comparison is false.
        return Q(comparison) & Q(**{f"{self.paths[0]}__isnull": False})

    def _sum(self) -> Expression | F:
        total: Value = F(self.paths[0])
        for path in self.paths[1:]:
            total = total - F(path[1:]) if path.startswith("-") else total + F(path)
        return total  # type: ignore[no-any-return]


_OF_SUMS: dict[str, Any] = {
    "is": Exact, "at_least": GreaterThanOrEqual, "at_most": LessThanOrEqual,
}  # fmt: skip


@dataclass(frozen=True)
class Money(Number):
    """An amount in minor units of its row's currency."""

    control: ClassVar[str] = "money"

    def say(self, value: Value) -> str:
        """Say the amount with two decimals; a condition's amount has no currency."""
        return f"{value / 100:,.2f}"

"""The filter bar of a list: what the address asks for, in words, and how to take it away again.

A filter is `f=field:operator:value` in the address, several values parted by commas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.http import QueryDict
from django.utils.http import urlencode

from reconciliation.fields import BadCondition, Field, Registry

Condition = dict[str, Any]

# In the order of the menu; the words are those of the sentences on the chips.
OPERATORS = {
    "is": "is",
    "is_not": "is not",
    "is_any_of": "is any of (a, b)",
    "contains": "contains",
    "at_least": "is at least, or from",
    "at_most": "is at most, or until",
    "in_last": "is in the last (4h, 7d, today)",
    "is_empty": "is not set",
    "is_not_empty": "is set",
}


@dataclass(frozen=True)
class Chip:
    """One filter as a sentence, and the address without it."""

    sentence: str
    remove_href: str


@dataclass(frozen=True)
class Option:
    """One field in the menu, with the values that it offers."""

    name: str
    title: str
    values: tuple[tuple[str, str], ...]
    operators: str  # those that it takes, with spaces between


@dataclass(frozen=True)
class FilterBar:
    """What a filter bar shows."""

    action: str  # the list's own address
    chips: tuple[Chip, ...]
    kept: tuple[str, ...]  # the filters as the address writes them, for hidden inputs
    fields: tuple[Option, ...]
    operators: tuple[tuple[str, str], ...]
    problem: str = ""  # what could not be read, in words


def from_text(registry: Registry, text: str) -> Condition:
    """Read one `field:operator:value`. Raises BadCondition."""
    field, operator, value = [*text.split(":", 2), "", ""][:3]
    given: str | list[str] = value.split(",") if operator == "is_any_of" else value
    condition = {"field": field, "operator": operator, "value": given}
    if problems := registry.problems([condition]):
        raise BadCondition(problems[0])
    return condition


def to_text(condition: Mapping[str, Any]) -> str:
    """Write a condition as the address has it."""
    value = condition.get("value")
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value or "")
    return f"{condition['field']}:{condition['operator']}:{text}".rstrip(":")


def read(registry: Registry, given: QueryDict) -> tuple[list[Condition], str]:
    """Read every filter of an address; those without a meaning are left out, and said."""
    conditions, problems = [], []
    for text in [*given.getlist("f"), *_added(given)]:
        if not text:
            continue
        try:
            conditions.append(from_text(registry, text))
        except BadCondition as problem:
            problems.append(str(problem))
    return conditions, " ".join(problems)


def is_adding(given: QueryDict) -> bool:
    """Tell whether the address comes from the form that adds a filter."""
    return "field" in given


def bar(
    registry: Registry,
    conditions: Sequence[Condition],
    *,
    action: str,
    keep: Mapping[str, str],
    offered: Sequence[str],
    problem: str = "",
    options: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType({}),
) -> FilterBar:
    """Lay out the filter bar of the list at `action`; `keep` are the address's other parts.

    The menu shows the fields `offered`; an address may speak of all. `options` are those of fields
    that the caller has read already.
    """
    texts = tuple(to_text(each) for each in conditions if "field" in each)
    chips = tuple(
        Chip(
            sentence=registry.to_words([condition]),
            remove_href=href(action, keep, [*texts[:place], *texts[place + 1 :]]),
        )
        for place, condition in enumerate(conditions)
    )
    return FilterBar(
        action=action,
        chips=chips,
        kept=texts,
        fields=tuple(
            _option(registry[name], options.get(name) or tuple(registry[name].options()))
            for name in offered
        ),
        operators=tuple(OPERATORS.items()),
        problem=problem,
    )


def href(action: str, keep: Mapping[str, str], texts: Sequence[str]) -> str:
    """Write the address of a list with these filters; none at all is said too."""
    parts = [(name, value) for name, value in keep.items() if value]
    return f"{action}?{urlencode([*parts, *(('f', text) for text in texts or [''])])}"


def _added(given: QueryDict) -> list[str]:
    if not is_adding(given):
        return []
    return [":".join(given.get(name, "").strip() for name in ("field", "operator", "value"))]


def _option(field: Field, options: tuple[tuple[str, str], ...]) -> Option:
    return Option(field.name, field.label, options, " ".join(field.operators))

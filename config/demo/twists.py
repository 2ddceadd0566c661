"""Ways to bend the story of an order: what `faults` and `noise` are made of."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random

from config.demo.company import Purchase
from config.demo.facts import Fact, minutes

Bend = Callable[[Purchase, list[Fact], Random], list[Fact]]


def first(facts: list[Fact], kind: str) -> Fact:
    """Find the first message of this type; a story that lacks it cannot take this turn."""
    return next(fact for fact in facts if fact.type == kind)


def without(facts: list[Fact], *kinds: str) -> list[Fact]:
    """Leave out every message of these types."""
    return [fact for fact in facts if fact.type not in kinds]


def swapped(facts: list[Fact], old: Fact, *new: Fact) -> list[Fact]:
    """Put `new` where `old` was."""
    return [fact for fact in facts if fact is not old] + list(new)


def with_amount(fact: Fact, amount_minor: int) -> Fact:
    """Say the same about another amount."""
    return replace(fact, data=fact.data | {"amount_minor": amount_minor})


def lose(*kinds: str) -> Bend:
    """Make the turn in which these messages are never sent."""

    def bend(_purchase: Purchase, facts: list[Fact], _rng: Random) -> list[Fact]:
        return without(facts, *kinds)

    return bend


def delay(kind: str, least: int, most: int) -> Bend:
    """Make the turn in which this message arrives so many minutes after the fact."""

    def bend(_purchase: Purchase, facts: list[Fact], rng: Random) -> list[Fact]:
        fact = first(facts, kind)
        return swapped(facts, fact, replace(fact, told_after=minutes(rng, least, most)))

    return bend


def shift(facts: list[Fact], by: timedelta, *kinds: str) -> list[Fact]:
    """Let these things happen later."""
    return [replace(fact, at=fact.at + by) if fact.type in kinds else fact for fact in facts]

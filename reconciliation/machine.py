"""Reads the order machine's declarations: its moves in order, and every way through them."""

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

from django.db.models import Model, Q
from django_fsm import FSMField, Transition

from reconciliation.models import Order
from reconciliation.models.moves import EXCLUDES, FACTS, IMPLIES
from reconciliation.predicates import holds


class Edge(NamedTuple):
    """One move from one state."""

    name: str
    source: str
    target: str
    condition: Q  # over FACTS
    says: str
    stamp: str


Path = tuple[Edge, ...]


def declared_moves(model: type[Model]) -> list[Transition]:
    """List the moves of a model's machine as they stand in the file, one for each state they leave.

    django-fsm collects them by name; where two are possible, the earlier is made.
    """
    field = model._meta.get_field("state")
    assert isinstance(field, FSMField)
    moves: list[Transition] = list(field.get_all_transitions(model))
    return sorted(moves, key=lambda move: move.method.__code__.co_firstlineno)


@cache
def edges() -> tuple[Edge, ...]:
    """List the order's edges, the earlier before the later."""
    return tuple(
        Edge(
            name=move.name,
            source=str(move.source),
            target=str(move.target),
            condition=move.custom["condition"],
            says=move.custom["says"],
            stamp=move.custom["stamp"],
        )
        for move in declared_moves(Order)
    )


def path_from(state: str, facts: dict[str, bool]) -> Path:
    """Follow the moves that an order in `state` makes by itself while `facts` are true of it."""
    path: list[Edge] = []
    while edge := _next_edge(state, facts):
        path.append(edge)
        assert len(path) < len(Order.State), f"the moves from {path[0].source} go in a circle"
        state = edge.target
    return tuple(path)


@cache
def paths() -> tuple[Path, ...]:
    """List every path that some combination of facts makes, in a fixed order."""
    found: dict[Path, None] = {}
    for state in Order.State.values:
        for facts in _all_facts():
            if path := path_from(state, facts):
                found[path] = None
    return tuple(found)


def _next_edge(state: str, facts: dict[str, bool]) -> Edge | None:
    for edge in edges():
        if edge.source == state and holds(edge.condition, facts.__getitem__):
            return edge
    return None


def _all_facts() -> Iterator[dict[str, bool]]:
    """Give every combination of facts that an order can have."""
    for values in product((False, True), repeat=len(FACTS)):
        facts = dict(zip(FACTS, values, strict=True))
        implied = all(facts[other] or not facts[fact] for fact, other in IMPLIES)
        if implied and not any(facts[fact] and facts[other] for fact, other in EXCLUDES):
            yield facts

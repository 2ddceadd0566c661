"""Draws the state machines from their declarations, in mermaid, between markers of a text."""

import re

from django.db.models import Model
from django_fsm import FSMField

from exceptions.models import Case
from reconciliation.machine import declared_moves
from reconciliation.models import Order, RulebookVersion, WriteBack

DRAWN: tuple[type[Model], ...] = (Order, Case, RulebookVersion, WriteBack)


def diagram(model: type[Model]) -> str:
    """Draw one machine: its states in their declared order, then every move."""
    field = model._meta.get_field("state")
    assert isinstance(field, FSMField)
    moves = declared_moves(model)
    lines = ["stateDiagram-v2", *(f"    {state} : {title}" for state, title in field.choices)]
    lines += [f"    [*] --> {field.get_default()}"]
    lines += [f"    {move.source} --> {move.target} : {_words(move.name)}" for move in moves]
    return "\n".join(lines)


def redrawn(text: str) -> str:
    """Give `text` with every machine drawn between its markers, which are added if missing."""
    for model in DRAWN:
        text = _replaced(text, name=model.__name__, drawing=diagram(model))
    return text


def missing_markers(text: str) -> list[str]:
    """Name the machines that `text` has no place for."""
    return [model.__name__ for model in DRAWN if not _place(model.__name__).search(text)]


def _place(name: str) -> re.Pattern[str]:
    return re.compile(rf"<!-- states:{name} -->.*?<!-- /states:{name} -->", re.DOTALL)


def _replaced(text: str, *, name: str, drawing: str) -> str:
    block = f"<!-- states:{name} -->\n```mermaid\n{drawing}\n```\n<!-- /states:{name} -->"
    if _place(name).search(text):
        return _place(name).sub(lambda _: block, text)
    return f"{text.rstrip()}\n\n{block}\n"


def _words(name: str) -> str:
    return name.replace("_", " ")

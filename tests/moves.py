"""Puts rows into any state of their machine by its own moves, as the database asks."""

from collections import deque
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.db import transaction
from django.db.models import F, Model

from audit.record import record
from config.guards import MACHINES
from reconciliation.guard import Machine
from reconciliation.machine import declared_moves


def machine_of(model: type[Model]) -> Machine:
    """Find how a model is guarded."""
    return next(machine for machine in MACHINES if machine.model is model)


def pairs_of(model: type[Model]) -> set[tuple[str, str]]:
    """List the declared moves."""
    return {(str(move.source), str(move.target)) for move in declared_moves(model)}


def way(model: type[Model], from_state: str, to_state: str) -> list[str]:
    """Find the shortest way by declared moves, both ends included."""
    ways, seen = deque([[from_state]]), {from_state}
    while ways:
        walked = ways.popleft()
        if walked[-1] == to_state:
            return walked
        for source, target in sorted(pairs_of(model)):
            if source == walked[-1] and target not in seen:
                seen.add(target)
                ways.append([*walked, target])
    raise AssertionError(f"no way from {from_state} to {to_state}")


@transaction.atomic
def walk(row: Model, to_state: str, *, at: datetime, **columns: Any) -> None:  # noqa: ANN401
    """Bring a row to a state, each move on the trail, and change other columns with it."""
    machine = machine_of(type(row))
    row.refresh_from_db()
    states = way(type(row), row.state, to_state)  # type: ignore[attr-defined]
    for source, target in pairwise(states):
        record(
            stream=machine.stream,
            subject_id=row.pk,
            action="test.moved",
            actor="test",
            at=at,
            from_state=source,
            to_state=target,
        )
    if machine.is_versioned and len(states) > 1:
        columns["version"] = F("version") + 1
    type(row)._default_manager.filter(pk=row.pk).update(state=to_state, **columns)
    row.refresh_from_db()

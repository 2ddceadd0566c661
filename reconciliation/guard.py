"""PostgreSQL's own guards over the state machines, written from their declarations.

Migrations hold the text frozen; `config.invariants` asks whether the database still has it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from django.db.models import Model
from django_fsm import FSMField

from reconciliation.machine import declared_moves
from reconciliation.models import Order
from reconciliation.sql import load

# Each function guards everyone, whoever writes. The query of the orders' is run by EXECUTE, so that
# it is planned for the set at hand: a static one keeps the plan of its first, small calls.
_OF_ORDERS = ("order_guard_update", "order_guard_insert", "order_guard_delete")
# What a trigger of each kind sees of the statement.
_SEES = {
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "insert": "NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}


class Machine(NamedTuple):
    """A model whose rows move by verbs, each move with its row in `stream` of the trail."""

    model: type[Model]
    stream: str
    noun: str  # as the refusal says it
    is_versioned: bool = False  # a move makes `version` one more
    is_kept: bool = True  # no row is ever deleted


def order_guards() -> dict[str, str]:
    """Write the body of each function that guards orders, by its name."""
    bodies = {name: load(name) for name in _OF_ORDERS}
    bodies["order_guard_update"] = bodies["order_guard_update"].format(declared=_pairs(Order))
    return bodies


def machine_guards(machine: Machine) -> dict[str, str]:
    """Write the body of each function that guards another machine, by its name."""
    kinds = ("update", "insert", "delete") if machine.is_kept else ("update", "insert")
    known = _places(machine)
    return {
        f"{machine.stream}_guard_{kind}": load(f"machine_guard_{kind}").format(**known)
        for kind in kinds
    }


def script(machine: Machine) -> str:
    """Write what puts a machine's guards into a database, for a migration to hold."""
    return "".join(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $guard${body}"
        f"$guard$;\nCREATE OR REPLACE TRIGGER {name}"
        f" AFTER {(kind := name.rpartition('_')[2]).upper()} ON {machine.model._meta.db_table}\n"
        f"    REFERENCING {_SEES[kind]}\n    FOR EACH STATEMENT EXECUTE FUNCTION {name}();\n"
        for name, body in machine_guards(machine).items()
    )


def _places(machine: Machine) -> Mapping[str, str]:
    field = machine.model._meta.get_field("state")
    assert isinstance(field, FSMField)
    beginning = str(field.get_default())
    elsewhere = f"new_rows.state <> '{beginning}'"
    if not machine.is_versioned:
        known = {"step": "1", "and_version": "", "elsewhere": elsewhere, "beginning": beginning}
    else:
        known = {
            "step": "new_rows.version - old_rows.version",
            "and_version": " Its version goes up by one.",
            "elsewhere": f"{elsewhere} OR new_rows.version <> 0",
            "beginning": f"{beginning}, version 0",
        }
    return {
        **known,
        "declared": _pairs(machine.model),
        "stream": machine.stream,
        "noun": machine.noun,
    }


def _pairs(model: type[Model]) -> str:
    """List every declared move as SQL does: from, to."""
    pairs = sorted({(str(move.source), str(move.target)) for move in declared_moves(model)})
    return ", ".join(f"('{source}', '{target}')" for source, target in pairs)

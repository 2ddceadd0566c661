"""The kinds of repair, one module each; a new kind is a new file and a line here."""

from typing import Protocol, runtime_checkable

from exceptions.models import Case
from exceptions.repairs import (
    activate_subscription,
    cancel_order,
    credit_invoice,
    drop_duplicate,
    issue_invoice,
    link_order,
    mark_fulfilled,
    merge_order,
    pay_seller,
    post_payment,
    post_settlement,
    refund_payment,
    write_off,
)
from exceptions.repairs.plan import Plan, Refusal
from reconciliation.likely import Likely
from reconciliation.models import Discrepancy


class Kind(Protocol):
    """What a repair's module has."""

    @property
    def KIND(self) -> str:  # noqa: N802 - a constant of the module
        """Give its name, also that of the action at the target."""
        ...

    @property
    def TITLE(self) -> str:  # noqa: N802
        """Give its name on buttons."""
        ...

    @property
    def TIER(self) -> int:  # noqa: N802
        """Give 1 for inside and reversible, 2 for outside, 3 for money that moves."""
        ...

    @property
    def CHECKS(self) -> tuple[str, ...]:  # noqa: N802
        """Name the checks it can put right."""
        ...

    def plan(self, *, case: Case) -> Plan | Refusal:
        """Plan it for the order of `case`, as its facts stand now."""
        ...


@runtime_checkable
class ChoosingKind(Kind, Protocol):
    """What the module of a repair has that asks which order is meant."""

    @property
    def ASKS(self) -> str:  # noqa: N802
        """Say what to name."""
        ...

    def plan_to(self, *, case: Case, choice: str) -> Plan | Refusal:
        """Plan it with the order that goes by the name `choice`."""
        ...

    def choices(self, *, case: Case) -> list[Likely]:
        """Propose orders, the likeliest first."""
        ...


@runtime_checkable
class PickyKind(Kind, Protocol):
    """What the module of a repair has that puts right one side only of what its checks find."""

    def fits(self, *, found: Discrepancy) -> bool:
        """Tell whether it may be recommended for what was found."""
        ...


class NoSuchRepair(Exception):
    """No repair has this name."""


_MODULES: tuple[Kind, ...] = (
    activate_subscription,
    mark_fulfilled,
    post_payment,
    post_settlement,
    issue_invoice,
    credit_invoice,
    cancel_order,
    write_off,
    refund_payment,
    pay_seller,
    drop_duplicate,
    link_order,
    merge_order,
)
KINDS = {module.KIND: module for module in _MODULES}


def kind_named(name: str) -> Kind:
    """Give a kind by its name; raises NoSuchRepair."""
    if name not in KINDS:
        raise NoSuchRepair(f"No repair is called {name}.")
    return KINDS[name]


def kinds_for(check_name: str) -> list[Kind]:
    """List the repairs that fit a check, the one to recommend first."""
    return [kind for kind in KINDS.values() if check_name in kind.CHECKS]


def recommended_for(found: Discrepancy) -> str:
    """Name the repair to recommend for what was found: none where each that fits would refuse."""
    for kind in kinds_for(found.check_name):
        if not isinstance(kind, PickyKind) or kind.fits(found=found):
            return kind.KIND
    return ""


def offers_for(case: Case) -> list[Kind]:
    """List the repairs that a person may choose from: those of the check, then what always fits."""
    always = [merge_order] if case.order_id is not None else []
    return [*kinds_for(case.check_name), *always]


def plan_for(*, case: Case, kind: str, choice: str = "") -> Plan | Refusal:
    """Plan a repair of a case as of now; raises NoSuchRepair.

    `choice` is the name of the order that is meant, for the kinds that ask for one.
    """
    module = kind_named(kind)
    if module not in offers_for(case):
        return Refusal("This repair does not fit this exception.")
    if choice and isinstance(module, ChoosingKind):
        return module.plan_to(case=case, choice=choice)
    return module.plan(case=case)

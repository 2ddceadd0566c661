"""Builds the plans of outside repairs, which only ever owe a write-back."""

from collections.abc import Sequence
from typing import Any

from exceptions.repairs.plan import Change, Condition, Plan, Refusal
from reconciliation.models import Order, Source


def no_target(kind: str) -> Refusal:
    """Refuse, because there is no system to write to."""
    return Refusal(
        f"No connected system of the kind {kind} takes write-backs for this. A Platform owner can"
        " connect one."
    )


def outside(  # noqa: PLR0913 - a plan's own parts
    *,
    order: Order,
    target: Source,
    kind: str,
    title: str,
    tier: int,
    payload: dict[str, Any],
    changes: Sequence[Change],
    side_effects: str,
    preconditions: Sequence[Condition],
    inverse_action: str = "",
) -> Plan:
    """Plan a write-back; the action at the target has the repair's own name."""
    return Plan(
        kind=kind,
        title=title,
        tier=tier,
        order=order.canonical_id,
        changes=tuple(changes),
        resulting_state=f"{order.get_state_display()}, judged again once {target.name} confirms",
        side_effects=side_effects,
        preconditions=(
            *preconditions,
            Condition("The order was not merged into another", order.merged_into_id is None),
        ),
        target=target.slug,
        target_name=target.name,
        action=kind,
        payload=payload,
        inverse_action=inverse_action,
    )

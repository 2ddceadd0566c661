"""Cancels an order in the shop whose charge failed and was never made good."""

from exceptions.models import Case
from exceptions.repairs import facts
from exceptions.repairs.outside import no_target, outside
from exceptions.repairs.plan import Change, Condition, Plan, Refusal

KIND = "cancel_order"
TITLE = "Cancel order"
TIER = 2
CHECKS = ("charge_failed_but_confirmed",)


def plan(*, case: Case) -> Plan | Refusal:
    """Plan it for the order of `case`, as its facts stand now."""
    order = facts.subject_order(case)
    target = None if order is None else facts.target_of(order, kind="shop")
    if order is None or target is None:
        return no_target("shop")
    return outside(
        order=order,
        target=target,
        kind=KIND,
        title=TITLE,
        tier=TIER,
        payload={"reason": "The charge failed."},
        changes=[Change(target.name, "Order", order.get_state_display(), "Cancelled")],
        side_effects="The customer is told that the order is cancelled.",
        preconditions=[
            Condition("Nothing is paid", order.paid_minor == 0),
            Condition("Nothing is shipped", order.shipped_quantity == 0),
            Condition("It is not cancelled", order.cancelled_at is None),
        ],
    )

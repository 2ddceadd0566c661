"""Marks an order as fulfilled in the shop, for what the carrier has shipped."""

from exceptions.models import Case
from exceptions.repairs import facts
from exceptions.repairs.outside import no_target, outside
from exceptions.repairs.plan import Change, Condition, Plan, Refusal

KIND = "mark_fulfilled"
TITLE = "Mark fulfilled"
TIER = 2
CHECKS = ("shipped_not_recorded",)


def plan(*, case: Case) -> Plan | Refusal:
    """Plan it for the order of `case`, as its facts stand now."""
    order = facts.subject_order(case)
    target = None if order is None else facts.target_of(order, kind="shop")
    if order is None or target is None:
        return no_target("shop")
    shipped = facts.quantities(order, kind="SHIPPED")
    return outside(
        order=order,
        target=target,
        kind=KIND,
        title=TITLE,
        tier=TIER,
        inverse_action="unmark_fulfilled",
        payload={"lines": [{"line": line, "quantity": n} for line, n in shipped.items()]},
        changes=[
            Change(
                target.name,
                "Fulfilled",
                f"{order.recorded_quantity} of {order.to_ship_quantity}",
                f"{sum(shipped.values())} of {order.to_ship_quantity}",
            )
        ],
        side_effects="The customer sees the order as sent.",
        preconditions=[
            Condition("The carrier has shipped it", bool(shipped)),
            Condition("It is not cancelled", order.cancelled_at is None),
            Condition("The shop has not marked it", order.recorded_quantity == 0),
        ],
    )

"""Refunds what was paid and is not owed: taken twice, cancelled, or sent back."""

from exceptions.models import Case
from exceptions.repairs import facts
from exceptions.repairs.outside import no_target, outside
from exceptions.repairs.plan import Change, Condition, Plan, Refusal
from reconciliation.models import Order
from reconciliation.money import as_text

KIND = "refund_payment"
TITLE = "Refund payment"
TIER = 3
CHECKS = (
    "paid_twice",
    "cancelled_but_paid",
    "returned_but_paid",
)


def plan(*, case: Case) -> Plan | Refusal:
    """Plan it for the order of `case`, as its facts stand now."""
    order = facts.subject_order(case)
    target = None if order is None else facts.target_of(order, kind="payments")
    if order is None or target is None:
        return no_target("payments")
    payment = facts.newest_reference(order, kind="PAID")
    paid_minor = order.paid_minor - order.refunded_minor
    amount_minor = min(_owed_back_minor(order, check_name=case.check_name), paid_minor)
    return outside(
        order=order,
        target=target,
        kind=KIND,
        title=TITLE,
        tier=TIER,
        payload={
            "payment": payment,
            "amount_minor": amount_minor,
            "currency": order.currency,
        },
        changes=[
            Change(
                target.name,
                "Kept of the payment",
                as_text(paid_minor, order.currency),
                as_text(paid_minor - amount_minor, order.currency),
            )
        ],
        side_effects="The customer gets the money back. This cannot be called back.",
        preconditions=[
            Condition("More is paid than is owed", amount_minor > 0),
            Condition("No dispute is open", order.disputed_minor == 0),
            Condition("The provider has a name for the payment", bool(payment)),
        ],
    )


def _owed_back_minor(order: Order, *, check_name: str) -> int:
    """Find what the customer should have back, before what was refunded is looked at."""
    if check_name == "cancelled_but_paid":
        return order.paid_minor
    if check_name == "returned_but_paid":
        prices = dict(order.lines.values_list("line", "unit_minor"))
        returned = facts.quantities(order, kind="RETURNED")
        worth = sum(prices.get(line, 0) * quantity for line, quantity in returned.items())
        return max(worth - order.refunded_minor, 0)
    return order.paid_minor - order.refunded_minor - order.ordered_minor

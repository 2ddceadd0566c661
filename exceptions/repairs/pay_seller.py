"""Pays a seller the rest of his share, where nothing or too little was paid out.

What he got too much, or for a cancelled sub-order, is asked back by people: nobody takes that
from a seller by one click.
"""

from datetime import datetime

from exceptions.models import Case
from exceptions.repairs import facts
from exceptions.repairs.outside import no_target, outside
from exceptions.repairs.plan import Change, Condition, Plan, Refusal
from reconciliation import payouts
from reconciliation.models import Discrepancy, Order
from reconciliation.money import as_text

KIND = "pay_seller"
TITLE = "Pay the rest to the seller"
TIER = 3
CHECKS = ("payout_vs_split", "delivered_not_paid_out")


def fits(*, found: Discrepancy) -> bool:
    """Tell whether too little was paid out: nobody takes back by this what was paid too much."""
    if found.expected_minor is None or found.actual_minor is None:
        return True
    return found.actual_minor < found.expected_minor


def plan(*, case: Case) -> Plan | Refusal:
    """Plan it for the sub-order of `case`, as its facts stand now."""
    order = facts.subject_order(case)
    target = None if order is None else facts.target_of(order, kind="marketplace")
    if order is None or target is None:
        return no_target("marketplace")
    seller = order.detail.seller if hasattr(order, "detail") else ""
    due_minor = _due_minor(order, at=case.opened_at)
    rest_minor = due_minor - order.paid_out_minor
    return outside(
        order=order,
        target=target,
        kind=KIND,
        title=TITLE,
        tier=TIER,
        payload={"seller": seller, "amount_minor": rest_minor, "currency": order.currency},
        changes=[
            Change(
                target.name,
                f"Paid out to {seller}" if seller else "Paid out",
                as_text(order.paid_out_minor, order.currency),
                as_text(due_minor, order.currency),
            )
        ],
        side_effects="The seller gets the money. This cannot be called back.",
        preconditions=[
            Condition("A split rule gives his share", due_minor > 0),
            Condition("Less was paid out than his share", rest_minor > 0),
            Condition("The sub-order is not cancelled", order.cancelled_at is None),
            Condition("Nothing of it came back", order.returned_quantity == 0),
            Condition("The seller is known by name", bool(seller)),
        ],
    )


def _due_minor(order: Order, *, at: datetime) -> int:
    """Find his share; `at` decides only what waits, which is not asked here."""
    share = payouts.shares(order_ids=[order.pk], at=at).get(order.pk)
    return share.expected_minor if share else 0

"""Posts a payment to the ledger that has not heard of it."""

from exceptions.models import Case
from exceptions.repairs import facts
from exceptions.repairs.outside import no_target, outside
from exceptions.repairs.plan import Change, Condition, Plan, Refusal
from reconciliation.money import as_text

KIND = "post_payment"
TITLE = "Post payment to ledger"
TIER = 2
CHECKS = ("paid_not_posted",)


def plan(*, case: Case) -> Plan | Refusal:
    """Plan it for the order of `case`, as its facts stand now."""
    order = facts.subject_order(case)
    target = None if order is None else facts.target_of(order, kind="billing")
    if order is None or target is None:
        return no_target("billing")
    amount_minor = order.paid_minor - order.refunded_minor - order.posted_minor
    return outside(
        order=order,
        target=target,
        kind=KIND,
        title=TITLE,
        tier=TIER,
        inverse_action="unpost_payment",
        payload={
            "payment": facts.newest_reference(order, kind="PAID"),
            "amount_minor": amount_minor,
            "currency": order.currency,
        },
        changes=[
            Change(
                target.name,
                "Posted",
                as_text(order.posted_minor, order.currency),
                as_text(order.posted_minor + amount_minor, order.currency),
            )
        ],
        side_effects="Nobody is told.",
        preconditions=[
            Condition("A payment was captured and not refunded", amount_minor > 0),
            Condition("It is not cancelled", order.cancelled_at is None),
        ],
    )

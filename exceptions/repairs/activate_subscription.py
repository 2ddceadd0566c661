"""Activates a subscription that was invoiced and never switched on."""

from exceptions.models import Case
from exceptions.repairs import facts
from exceptions.repairs.outside import no_target, outside
from exceptions.repairs.plan import Change, Condition, Plan, Refusal

KIND = "activate_subscription"
TITLE = "Activate subscription"
TIER = 2
CHECKS = ("invoice_sent_not_active",)


def plan(*, case: Case) -> Plan | Refusal:
    """Plan it for the order of `case`, as its facts stand now."""
    order = facts.subject_order(case)
    target = None if order is None else facts.target_of(order, kind="subscriptions")
    if order is None or target is None:
        return no_target("subscriptions")
    invoiced_minor = order.invoiced_minor - order.credited_minor
    subscription = facts.alias_of(order, source=target, kind="subscription")
    return outside(
        order=order,
        target=target,
        kind=KIND,
        title=TITLE,
        tier=TIER,
        inverse_action="deactivate_subscription",
        payload={"subscription": subscription} if subscription else {},
        changes=[Change(target.name, "Subscription", "Off", "Active")],
        side_effects="The customer gets access, and the news of it from the subscription app.",
        preconditions=[
            Condition("The order has something to activate", order.to_activate_quantity > 0),
            Condition("It is invoiced", invoiced_minor > 0),
            Condition("It is not cancelled", order.cancelled_at is None),
            Condition("The subscription is off", not order.is_active),
        ],
    )

"""Issues the invoice of an order that was delivered and never billed."""

from exceptions.models import Case
from exceptions.repairs import facts
from exceptions.repairs.outside import no_target, outside
from exceptions.repairs.plan import Change, Condition, Plan, Refusal
from reconciliation.money import as_text

KIND = "issue_invoice"
TITLE = "Issue invoice"
TIER = 2
CHECKS = ("delivered_not_billed",)


def plan(*, case: Case) -> Plan | Refusal:
    """Plan it for the order of `case`, as its facts stand now."""
    order = facts.subject_order(case)
    target = None if order is None else facts.target_of(order, kind="billing")
    if order is None or target is None:
        return no_target("billing")
    invoiced_minor = order.invoiced_minor - order.credited_minor
    amount_minor = order.ordered_minor - invoiced_minor
    return outside(
        order=order,
        target=target,
        kind=KIND,
        title=TITLE,
        tier=TIER,
        inverse_action="void_invoice",
        payload={"amount_minor": amount_minor, "currency": order.currency},
        changes=[
            Change(
                target.name,
                "Invoiced",
                as_text(invoiced_minor, order.currency),
                as_text(order.ordered_minor, order.currency),
            )
        ],
        side_effects="The customer gets the invoice by e-mail.",
        preconditions=[
            Condition("Something is left to bill", amount_minor > 0),
            Condition("It is delivered", order.delivered_at is not None),
            Condition("It is not cancelled", order.cancelled_at is None),
            Condition("Nothing came back", order.returned_quantity == 0),
        ],
    )

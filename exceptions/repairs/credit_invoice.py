"""Credits what was invoiced on top of the order."""

from exceptions.models import Case
from exceptions.repairs import facts
from exceptions.repairs.outside import no_target, outside
from exceptions.repairs.plan import Change, Condition, Plan, Refusal
from reconciliation.money import as_text

KIND = "credit_invoice"
TITLE = "Credit second invoice"
TIER = 2
CHECKS = ("invoiced_twice",)


def plan(*, case: Case) -> Plan | Refusal:
    """Plan it for the order of `case`, as its facts stand now."""
    order = facts.subject_order(case)
    target = None if order is None else facts.target_of(order, kind="billing")
    if order is None or target is None:
        return no_target("billing")
    invoiced_minor = order.invoiced_minor - order.credited_minor
    amount_minor = invoiced_minor - order.ordered_minor
    return outside(
        order=order,
        target=target,
        kind=KIND,
        title=TITLE,
        tier=TIER,
        payload={
            "invoice": facts.newest_reference(order, kind="INVOICED"),
            "amount_minor": amount_minor,
            "currency": order.currency,
        },
        changes=[
            Change(
                target.name,
                "Invoiced",
                as_text(invoiced_minor, order.currency),
                as_text(order.ordered_minor, order.currency),
            )
        ],
        side_effects="The customer gets the credit note by e-mail.",
        preconditions=[Condition("More is invoiced than was ordered", amount_minor > 0)],
    )

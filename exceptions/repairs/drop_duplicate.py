"""Takes one of two equal amounts out of the count, where nothing names them: they are one fact.

What has a reference of its own is a thing of its own; money taken twice is given back instead.
"""

from exceptions.models import Case
from exceptions.repairs import facts
from exceptions.repairs.plan import Change, Condition, Plan, Refusal
from reconciliation.models import Entry
from reconciliation.money import as_text

KIND = "drop_duplicate"
TITLE = "Drop duplicate"
TIER = 1
CHECKS = ("paid_twice",)


def plan(*, case: Case) -> Plan | Refusal:
    """Plan it for the order of `case`, as its facts stand now."""
    order = facts.subject_order(case)
    if order is None:
        return Refusal("This exception is about no order.")
    twin = facts.newest_nameless_twin(order, kind=Entry.Kind.PAID)
    if twin is None:
        return Refusal("Each has a reference of its own, so these are two. Refund one instead.")
    source = twin.event.source
    return Plan(
        kind=KIND,
        title=TITLE,
        tier=TIER,
        order=order.canonical_id,
        changes=(
            Change(
                "Reconciliation",
                "Paid",
                as_text(order.paid_minor, order.currency),
                as_text(order.paid_minor - twin.amount_minor, order.currency),
            ),
        ),
        resulting_state=f"{order.get_state_display()}, and judged again at once",
        side_effects=(
            f"Event {twin.event_id} of {source.name} no longer counts. No other system is told."
        ),
        preconditions=(
            Condition("Another of the same amount has no reference either", holds=True),
            Condition("More is paid than is ordered", order.paid_minor > order.ordered_minor),
        ),
        entries=(
            {
                "kind": str(Entry.Kind.PAID),
                "amount_minor": -twin.amount_minor,
                "currency": order.currency,
                "of_event": twin.event_id,
            },
        ),
    )

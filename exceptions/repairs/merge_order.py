"""Merges two orders that are one: the case's order becomes a part of the other."""

from exceptions.models import Case
from exceptions.repairs import facts
from exceptions.repairs.plan import Change, Condition, Plan, Refusal
from reconciliation import likely, merging
from reconciliation.likely import Likely
from reconciliation.models import Order
from reconciliation.money import as_text

KIND = "merge_order"
TITLE = "Merge with another order"
TIER = 1
CHECKS = ()  # it fits whatever is wrong with an order, and is never the first thing to try
ASKS = "The order that stays"
_UNDER_WAY = ("DUE", "SENDING", "UNKNOWN")


def plan(*, case: Case) -> Plan | Refusal:
    """Plan nothing: which order it is has to be said."""
    del case
    return Refusal("Name the order that this one is. It stays, and this one leads to it.")


def plan_to(*, case: Case, choice: str) -> Plan | Refusal:
    """Plan to merge the order of `case` into the one that goes by the name `choice`."""
    loser, survivor = facts.subject_order(case), facts.order_called(choice)
    if loser is None:
        return Refusal("This exception is about no order.")
    if survivor is None:
        return Refusal(f"No order goes by “{choice}”, or more than one does. Nothing changed.")
    conditions = merging.conditions(loser=loser, survivor=survivor)
    under_way = loser.writebacks.filter(state__in=_UNDER_WAY).exists()
    return Plan(
        kind=KIND,
        title=f"Merge {loser.canonical_id} into {survivor.canonical_id}",
        tier=TIER,
        order=survivor.canonical_id,
        changes=(
            Change("Reconciliation", loser.canonical_id, "an order", survivor.canonical_id),
            *_totals(loser, survivor),
        ),
        resulting_state=(
            f"{survivor.canonical_id} has the facts and names of both, judged again at once"
        ),
        side_effects="No other system is told.",
        preconditions=(
            *(Condition(*each) for each in conditions),
            Condition(f"Nothing of {loser.canonical_id} is on its way to a system", not under_way),
        ),
        corrects={"merges": loser.canonical_id},
    )


def choices(*, case: Case) -> list[Likely]:
    """Propose orders that may be the same, the likeliest first."""
    order = facts.subject_order(case)
    return [] if order is None else likely.of_order(order)


def _totals(loser: Order, survivor: Order) -> list[Change]:
    """Say what changes of the sums of the order that stays; of two totals one is believed."""
    pairs = (("Invoiced", "invoiced_minor"), ("Paid", "paid_minor"), ("Refunded", "refunded_minor"))
    return [
        Change(
            survivor.canonical_id,
            words,
            as_text(getattr(survivor, name), survivor.currency),
            as_text(getattr(survivor, name) + getattr(loser, name), survivor.currency),
        )
        for words, name in pairs
        if getattr(loser, name) and loser.currency == survivor.currency
    ]

"""Links an event to the order it belongs to, by teaching us what its source calls that order."""

from typing import Any

from exceptions.models import Case
from exceptions.repairs.facts import order_called
from exceptions.repairs.plan import Change, Condition, Plan, Refusal
from reconciliation import likely
from reconciliation.likely import Likely
from reconciliation.models import Event, Order
from reconciliation.normalise import names_in

KIND = "link_order"
TITLE = "Link to order"
TIER = 1
CHECKS = ("event_parked_too_long",)
ASKS = "The order it belongs to"
_LONGEST = 255


def plan(*, case: Case) -> Plan | Refusal:
    """Plan it for the likeliest order."""
    found = choices(case=case)
    if not found:
        return Refusal("No order looks like it. Name the order it belongs to.")
    return plan_to(case=case, choice=found[0].canonical_id)


def plan_to(*, case: Case, choice: str) -> Plan | Refusal:
    """Plan it for the order that goes by the name `choice`."""
    event = case.discrepancy.event
    order = order_called(choice)
    if event is None:
        return Refusal("This exception is about no event.")
    if order is None:
        return Refusal(f"No order goes by “{choice}”, or more than one does. Nothing changed.")
    names = _names(event)
    return Plan(
        kind=KIND,
        title=f"{TITLE} {order.canonical_id}",
        tier=TIER,
        order=order.canonical_id,
        changes=(Change(event.source.name, "Order", _said(event), order.canonical_id),),
        resulting_state=_means(event, names, order),
        side_effects="No other system is told.",
        preconditions=(
            Condition("It still waits for its order", event.status == Event.Status.PARKED),
            Condition("It says a name that can be learnt", bool(names)),
            Condition("The order was not merged into another", order.merged_into_id is None),
        ),
        corrects={"names": names},
        is_final=event.type == "order.created",  # an order that was made stays
    )


def choices(*, case: Case) -> list[Likely]:
    """Propose orders, the likeliest first."""
    event = case.discrepancy.event
    return [] if event is None else likely.of_event(event)


def _names(event: Event) -> list[dict[str, Any]]:
    """List what to learn: the order's name as the source says it, else what else it names."""
    own = str(event.data.get("parent") or event.order_reference)
    pairs = [("order", own)] if own else [tuple(name) for name in names_in(event.data)]
    return [
        {"source": event.source.slug, "kind": kind, "value": value[:_LONGEST]}
        for kind, value in pairs
    ]


def _said(event: Event) -> str:
    return str(event.data.get("parent") or event.order_reference) or "not named"


def _means(event: Event, names: list[dict[str, Any]], order: Order) -> str:
    said = ", ".join(f"{each['kind']} {each['value']}" for each in names)
    return (
        f"{event.source.name}'s {said} means {order.canonical_id} from now on, for this event and"
        " those to come"
    )

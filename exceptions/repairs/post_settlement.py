"""Posts to the ledger a payment that is settled, with what the settlement brought."""

from typing import Any

from exceptions.models import Case
from exceptions.repairs import facts
from exceptions.repairs.outside import no_target, outside
from exceptions.repairs.plan import Change, Condition, Plan, Refusal
from reconciliation.money import as_text
from reconciliation.settlements import Settlement, settlements_of

KIND = "post_settlement"
TITLE = "Post settlement to ledger"
TIER = 2
CHECKS = ("settled_not_posted",)


def plan(*, case: Case) -> Plan | Refusal:
    """Plan it for the order of `case`, as its facts stand now."""
    order = facts.subject_order(case)
    target = None if order is None else facts.target_of(order, kind="billing")
    if order is None or target is None:
        return no_target("billing")
    told = settlements_of(order)
    final = [each for each in told if each.is_final]
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
            "settlements": [_told(each) for each in final],
        },
        changes=[
            Change(
                target.name,
                "Posted",
                as_text(order.posted_minor, order.currency),
                as_text(order.posted_minor + amount_minor, order.currency),
            ),
            *(
                Change(target.name, f"Settlement {each.reference}", "", _said(each))
                for each in final
            ),
        ],
        side_effects="Nobody is told.",
        preconditions=[
            Condition("A payment was captured and not refunded", amount_minor > 0),
            Condition("Its settlement is final", bool(final) and len(final) == len(told)),
            Condition("Every amount has a rate", order.unconverted_since_at is None),
            Condition("It is not cancelled", order.cancelled_at is None),
        ],
    )


def _told(settlement: Settlement) -> dict[str, Any]:
    return {
        "settlement": settlement.reference,
        "gross_minor": settlement.gross.minor,
        "fee_minor": settlement.fee.minor,
        "net_minor": settlement.net.minor,
        "currency": settlement.currency,
        "rate": settlement.rate,
    }


def _said(settlement: Settlement) -> str:
    gross, fee, net = (
        as_text(amount.minor, settlement.currency)
        for amount in (settlement.gross, settlement.fee, settlement.net)
    )
    return f"{net} ({gross} less {fee} fee)"

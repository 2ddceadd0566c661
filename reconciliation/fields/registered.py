"""The fields of orders and discrepancies."""

from django.db import DatabaseError

from reconciliation import rulebook
from reconciliation.fields.kinds import Choice, Choices, Flag, Money, Number, Present, Text
from reconciliation.fields.moments import Age, Moment
from reconciliation.fields.registry import Registry
from reconciliation.models import Order, Team


def check_titles() -> Choices:
    """Give the live rulebook's checks with their titles; nothing before one is live."""
    try:
        return [(check.name, check.title) for check in rulebook.live().checks]
    except (rulebook.NoRulebook, DatabaseError):
        return []


def team_names() -> Choices:
    """Give the teams with their names."""
    return list(Team.objects.order_by("name").values_list("slug", "name"))


def _words(value: str) -> str:
    return value.replace("_", " ").capitalize()


_STATES = [(value, _words(value)) for value in Order.State.values]
_VERDICTS = [
    ("UNJUDGED", "Not judged yet"), ("HOLDS", "Agrees"), ("WAITING", "Not due yet"),
    ("BROKEN", "Disagrees"),
]  # fmt: skip
_MONEY = {
    "ordered_minor": "Ordered", "invoiced_minor": "Invoiced", "credited_minor": "Credited",
    "authorised_minor": "Authorised", "paid_minor": "Paid", "refunded_minor": "Refunded",
    "disputed_minor": "Disputed", "fee_minor": "Fees", "posted_minor": "Posted",
    "settled_gross_minor": "Settled before fees", "settled_minor": "Settled",
    "paid_out_minor": "Paid out", "written_off_minor": "Written off",
}  # fmt: skip
_QUANTITIES = {
    "to_ship_quantity": "Units to ship", "to_activate_quantity": "Units to activate",
    "unshipped_quantity": "Units not shipped", "shipped_quantity": "Units shipped",
    "delivered_quantity": "Units delivered", "returned_quantity": "Units returned",
    "recorded_quantity": "Units marked fulfilled",
}  # fmt: skip
_MOMENTS = {
    "placed_at": "Placed", "confirmed_at": "Confirmed", "cancelled_at": "Cancelled",
    "invoiced_at": "Invoiced on", "paid_at": "Paid on", "payment_failed_at": "Charge failed on",
    "refunded_at": "Refunded on", "posted_at": "Posted on", "settled_at": "Settled on",
    "settling_since_at": "Settlement pending since",
    "unconverted_since_at": "Exchange rate missing since",
    "paid_out_at": "Paid out on", "shipped_at": "Shipped on", "delivered_at": "Delivered on",
    "returned_at": "Returned on", "recorded_at": "Marked fulfilled on",
    "activated_at": "Activated on", "deactivated_at": "Deactivated on", "last_fact_at": "Last news",
    "reconciled_at": "Reconciled on",
}  # fmt: skip

ORDER = Registry(
    [
        Choice("state", "Order state", ("state",), choices=_STATES),
        Choice("verdict", "Verdict", ("verdict",), choices=_VERDICTS),
        Text("order", "Order", ("canonical_id",)),
        Text("customer", "Customer", ("detail__customer_name",)),
        Text("channel", "Channel", ("detail__channel",)),
        Text("seller", "Seller", ("detail__seller",)),
        Text("source", "First told by", ("detail__source__slug",)),
        Text("currency", "Currency", ("currency",)),
        Flag("is_active", "Active", ("is_active",)),
        Present("is_part", "Sub-order", ("parent_id",)),
        Number("part_count", "Sub-orders", ("part_count",)),
        Money("net_invoiced_minor", "Net invoiced", ("invoiced_minor", "-credited_minor")),
        Money("net_paid_minor", "Net paid", ("paid_minor", "-refunded_minor")),
        Number("out_quantity", "Units out", ("shipped_quantity", "-returned_quantity")),
        Number(
            "excess_quantity",
            "Units shipped beyond their lines",
            ("shipped_quantity", "unshipped_quantity", "-to_ship_quantity"),
        ),
        *(Money(name, label, (name,)) for name, label in _MONEY.items()),
        *(Number(name, label, (name,)) for name, label in _QUANTITIES.items()),
        *(Moment(name, label, (name,)) for name, label in _MOMENTS.items()),
    ]
)

# An order's currency and state go under names of their own where the discrepancy has one too.
ORDER_OF_SUBJECT = {"state": "order_state", "currency": "order_currency", "source": "order_source"}

DISCREPANCY = Registry(
    [
        Choice("check_name", "Failure mode", ("check_name",), choices=check_titles),
        Choice("team", "Team", ("team__slug",), choices=team_names),
        Money("at_risk_minor", "Amount at risk", ("at_risk_minor",)),
        Text("currency", "Currency", ("currency",)),
        Moment("opened_at", "Opened", ("opened_at",)),
        Moment("cleared_at", "Cleared", ("cleared_at",)),
        Age("age", "Age", ("opened_at",)),
        *ORDER.renamed(ORDER_OF_SUBJECT).under("order__"),
    ]
)

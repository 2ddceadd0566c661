"""Puts the systems side by side: what each says of the same field, and where they differ.

A field has two sides or more, each a kind of system and how it is read off the order. One side is
the truth: the system that is believed for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from exceptions.rows import Cell, Comparison, ComparisonRow
from reconciliation.models import Order, Source
from reconciliation.money import as_text

_ROUNDING = 2  # minor units that converting there and back may make


class Said(NamedTuple):
    """What one side says: `value` is compared, `text` is shown; no value is "nothing said"."""

    value: object | None
    text: str
    at: datetime | None = None


@dataclass(frozen=True)
class Side:
    """One kind of system and what it says of a field."""

    kind: str
    read: Callable[[Order], Said]


@dataclass(frozen=True)
class Compared:
    """One field; the first side is the truth. `is_money` sides differ by an amount."""

    field: str
    sides: tuple[Side, ...]
    applies: Callable[[Order], bool]
    is_money: bool = False


def _amount(order: Order, minor: int, at: datetime | None) -> Said:
    return Said(minor or None, as_text(minor, order.currency), at)


def _ordered(order: Order) -> Said:
    return _amount(order, order.ordered_minor, order.placed_at)


def _invoiced(order: Order) -> Said:
    return _amount(order, order.invoiced_minor - order.credited_minor, order.invoiced_at)


def _paid(order: Order) -> Said:
    return _amount(order, order.paid_minor - order.refunded_minor, order.paid_at)


def _posted(order: Order) -> Said:
    return _amount(order, order.posted_minor, order.posted_at)


def _shipped(order: Order) -> Said:
    text = f"{order.shipped_quantity} of {order.to_ship_quantity} shipped"
    return Said(order.shipped_quantity > 0 or None, text, order.shipped_at)


def _recorded(order: Order) -> Said:
    return Said(order.recorded_quantity > 0 or None, "Marked fulfilled", order.recorded_at)


def _active(order: Order) -> Said:
    text = "Active" if order.is_active else "Off"
    return Said(text, text, order.activated_at if order.is_active else order.deactivated_at)


def _should_be_active(order: Order) -> Said:
    is_billed = order.invoiced_minor > order.credited_minor and order.cancelled_at is None
    text = "Active" if is_billed else "Off"
    shown = "Active, as invoiced" if is_billed else "Off, as not invoiced"
    return Said(text, shown, order.invoiced_at)


def _cancelled(order: Order) -> Said:
    return Said("none", "Cancelled, nothing is owed", order.cancelled_at)


def _kept(order: Order) -> Said:
    kept = order.paid_minor - order.refunded_minor
    text = f"{as_text(kept, order.currency)} kept"
    return Said("some" if kept else "none", text, order.paid_at)


def _out(order: Order) -> Said:
    out = order.shipped_quantity - order.returned_quantity
    return Said("some" if out > 0 else "none", f"{out} out", order.shipped_at)


def _confirmed(order: Order) -> Said:
    return Said("paid" if order.confirmed_at else None, "Confirmed", order.confirmed_at)


def _charge(order: Order) -> Said:
    if order.paid_minor:
        return Said("paid", as_text(order.paid_minor, order.currency), order.paid_at)
    failed_at = order.payment_failed_at
    return Said("failed", "Charge failed", failed_at) if failed_at else Said(None, "")


def _returned(order: Order) -> Said:
    text = f"{order.returned_quantity} of {order.shipped_quantity} came back"
    return Said("refunded", text, order.returned_at)


def _refunded(order: Order) -> Said:
    if not order.refunded_minor:
        return Said(None, "")
    text = f"{as_text(order.refunded_minor, order.currency)} refunded"
    return Said("refunded", text, order.refunded_at)


def _has_money(order: Order) -> bool:
    """Tell whether its amounts are its own: those of a sub-order stand on its whole."""
    return order.parent_id is None or order.invoiced_minor > 0 or order.paid_minor > 0


def _owed(order: Order) -> Said:
    is_due = order.cancelled_at is None
    return Said("paid" if is_due else None, "Delivered, seller is owed", order.delivered_at)


def _paid_out(order: Order) -> Said:
    text = f"{as_text(order.paid_out_minor, order.currency)} paid out"
    return Said("paid" if order.paid_out_minor else None, text, order.paid_out_at)


def _due_net(order: Order) -> Said:
    due_minor = order.paid_minor - order.fee_minor
    return Said(due_minor, _less_fee(order, order.paid_minor, "paid", due_minor), order.paid_at)


def _settled(order: Order) -> Said:
    """Say what came; a rounding of the rate is no difference."""
    due_minor = order.paid_minor - order.fee_minor
    is_due = abs(order.settled_minor - due_minor) <= _ROUNDING
    text = _less_fee(order, order.settled_gross_minor, "settled", order.settled_minor)
    value = due_minor if is_due else order.settled_minor
    return Said(value, text, order.settled_at)


def _is_awaited(order: Order) -> bool:
    """Tell whether a settlement is pending, with which the payment will be posted."""
    return order.settling_since_at is not None


def _less_fee(order: Order, gross_minor: int, word: str, net_minor: int) -> str:
    """Spell out what remains: "€98.35: €100.00 paid less €1.65 fee"."""
    gross, fee, net = (
        as_text(minor, order.currency) for minor in (gross_minor, order.fee_minor, net_minor)
    )
    withheld_minor = gross_minor - order.fee_minor - net_minor
    rest = f" and {as_text(withheld_minor, order.currency)} withheld" if withheld_minor > 0 else ""
    return f"{net}: {gross} {word} less {fee} fee{rest}"


FIELDS: tuple[Compared, ...] = (
    Compared(
        "Amount",
        (Side("shop", _ordered), Side("billing", _invoiced), Side("payments", _paid)),
        lambda order: (
            order.cancelled_at is None and order.returned_quantity == 0 and _has_money(order)
        ),
        is_money=True,
    ),
    Compared(
        "Settlement",
        (Side("billing", _due_net), Side("payments", _settled)),
        # What was refunded or disputed is kept back from a settlement or not, as the provider does.
        lambda order: (
            order.settled_at is not None
            and order.unconverted_since_at is None
            and order.refunded_minor <= 0
            and order.disputed_minor <= 0
        ),
        is_money=True,
    ),
    Compared(
        "Ledger",
        (Side("payments", _paid), Side("billing", _posted)),
        lambda order: order.posted_minor > 0 or (order.paid_minor > 0 and not _is_awaited(order)),
        is_money=True,
    ),
    Compared(
        "Charge",
        (Side("payments", _charge), Side("shop", _confirmed)),
        lambda order: order.payment_failed_at is not None,
    ),
    Compared(
        "Shipment",
        (Side("carrier", _shipped), Side("shop", _recorded)),
        lambda order: order.shipped_quantity > 0 or order.recorded_quantity > 0,
    ),
    Compared(
        "Subscription",
        (Side("subscriptions", _active), Side("billing", _should_be_active)),
        lambda order: order.to_activate_quantity > 0,
    ),
    Compared(
        "Cancellation",
        (Side("shop", _cancelled), Side("payments", _kept), Side("carrier", _out)),
        lambda order: order.cancelled_at is not None,
    ),
    Compared(
        "Return",
        (Side("carrier", _returned), Side("payments", _refunded)),
        lambda order: order.returned_quantity > 0 and order.paid_minor > 0,
    ),
    Compared(
        "Payout",
        (Side("carrier", _owed), Side("marketplace", _paid_out)),
        lambda order: order.parent_id is not None and order.delivered_at is not None,
    ),
)
# The fields that a check is about, the two systems that it sets against each other first.
OF_CHECK: dict[str, tuple[str, ...]] = {
    "invoiced_twice": ("billing", "shop"),
    "invoiced_vs_ordered": ("billing", "shop"),
    "paid_twice": ("payments", "shop"),
    "paid_vs_invoiced": ("payments", "billing"),
    "charge_failed_but_confirmed": ("payments", "shop"),
    "paid_not_posted": ("payments", "billing"),
    "late_settlement": ("payments", "billing"),
    "rate_missing": ("payments", "billing"),
    "settlement_short": ("payments", "billing"),
    "paid_vs_settled": ("payments", "billing"),
    "settled_not_posted": ("payments", "billing"),
    "shipped_not_recorded": ("carrier", "shop"),
    "recorded_not_shipped": ("shop", "carrier"),
    "delivered_not_billed": ("carrier", "billing"),
    "invoice_sent_not_active": ("billing", "subscriptions"),
    "active_not_paid": ("subscriptions", "payments"),
    "cancelled_but_paid": ("shop", "payments"),
    "cancelled_but_shipped": ("shop", "carrier"),
    "returned_but_paid": ("carrier", "payments"),
    "refunded_more_than_paid": ("payments", "billing"),
    "charged_back": ("payments", "billing"),
    "shipped_more_than_ordered": ("carrier", "shop"),
    "payout_to_cancelled": ("marketplace",),
    "payout_vs_split": ("marketplace",),
    "delivered_not_paid_out": ("carrier", "marketplace"),
    "parts_vs_whole": ("marketplace",),
    "shipped_less_than_ordered": ("carrier", "shop"),
    "shipped_not_billed": ("carrier", "billing"),
    "billed_not_fulfilled": ("billing", "carrier"),
    "order_unknown_to_billing": ("shop", "billing"),
}
_SELLING = ("shop", "marketplace")  # where orders are placed; who spoke of this one stands for both


def compare(*, order: Order, sources: list[Source]) -> Comparison:
    """Compare what the systems say of `order`. `sources` are all that could have spoken.

    Of several of one kind the first is taken; put those that know the order first.
    """
    by_kind: dict[str, Source] = {}
    for source in sources:
        by_kind.setdefault(source.kind, source)
    if selling := [source for source in sources if source.kind in _SELLING]:
        by_kind["shop"] = selling[0]
    shown = [
        (each, sides)
        for each in FIELDS
        if each.applies(order)
        and len(sides := [side for side in each.sides if side.kind in by_kind]) > 1
    ]
    kinds = list(dict.fromkeys(side.kind for _, sides in shown for side in sides))
    rows = [_row(each, sides, kinds=kinds, order=order) for each, sides in shown]
    differing = [row for row in rows if row.verdict != "same"]
    is_broken = order.verdict == Order.Verdict.BROKEN
    return Comparison(
        headline=_headline(order, shown, differing),
        tone="bad" if differing else "warn" if is_broken else "ok",
        systems=[by_kind[kind].name for kind in kinds],
        differing=differing,
        matching=[row for row in rows if row.verdict == "same"],
    )


def systems_of(check_name: str, names: dict[str, str]) -> str:
    """Name the systems that a check sets against each other: "Shop vs Billing"."""
    known = [names[kind] for kind in OF_CHECK.get(check_name, ()) if kind in names]
    return " vs ".join(known)


def _row(each: Compared, sides: list[Side], *, kinds: list[str], order: Order) -> ComparisonRow:
    said = {side.kind: side.read(order) for side in sides}
    truth = said[sides[0].kind]
    cells = [
        Cell("")
        if kind not in said
        else Cell(
            text=said[kind].text,
            is_different=said[kind].value is not None and said[kind].value != truth.value,
            is_missing=said[kind].value is None and truth.value is not None,
            is_truth=kind == sides[0].kind,
            at=said[kind].at,
        )
        for kind in kinds
    ]
    verdict = "same"
    if any(cell.is_different for cell in cells):
        verdict = "differs"
    elif any(cell.is_missing for cell in cells):
        verdict = "missing"
    return ComparisonRow(field=each.field, cells=cells, verdict=verdict)


def _headline(
    order: Order, shown: list[tuple[Compared, list[Side]]], differing: list[ComparisonRow]
) -> str:
    """Say the largest difference first: an amount if there is one."""
    if not differing and order.verdict == Order.Verdict.BROKEN:
        return "The systems agree with each other, and not with the rules"
    if not differing:
        return "All systems agree"
    fields = {row.field for row in differing}
    for each, sides in shown:
        if each.is_money and each.field in fields:
            amounts = [side.read(order).value or 0 for side in sides]
            numbers = [amount for amount in amounts if isinstance(amount, int)]
            gap = max(numbers) - min(numbers)
            return f"Amounts differ by {as_text(gap, order.currency)}"
    words = " and ".join(row.field.lower() for row in differing)
    return f"Systems disagree on {words}"

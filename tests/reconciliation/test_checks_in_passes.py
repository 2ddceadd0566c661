"""Each shipped check through passes: it holds, waits, breaks, is waived, and breaks anew."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F

from reconciliation import discrepancies, reconcile, rulebook
from reconciliation.models import Discrepancy, Entry, Order, OrderDetail, Recheck
from tests.reconciliation import oracle
from tests.reconciliation.companies import build
from tests.reconciliation.worlds import HOUR, NOON, event, order, rules

pytestmark = pytest.mark.django_db
Told = dict[str, Any]
T = NOON
_NOTHING: Told = {"lines": {}, "parcels": [], "entries": [], "heard_from": []}
_BILLED: Told = {
    "ordered_minor": 900, "invoiced_minor": 900, "invoiced_at": T, "paid_minor": 900,
    "posted_minor": 900, "posted_at": T,
}  # fmt: skip
_ORDERED: Told = {"ordered_minor": 900, "confirmed_at": T, "placed_at": T}
_PAID: Told = {"ordered_minor": 900, "paid_minor": 900, "paid_at": T}
_CANCELLED: Told = {"cancelled_at": T}
_SETTLED: Told = {"settled_at": T, "settled_gross_minor": 900, "settled_minor": 900}
_SELLERS: Told = {
    "seller": "Acme", "ordered_minor": 1000, "paid_out_minor": 850, "paid_out_at": T,
}  # fmt: skip
_FIVE_DAYS = (oracle._after_business_days(T, 5) - T) / HOUR


def _twice(kind: str) -> Told:
    entries = [
        {"kind": kind, "amount_minor": 900, "reference": name, "occurred_at": T}
        for name in ("r1", "r2")
    ]
    return {"entries": entries}


# check → hours that it waits, an order that breaks it, and what would have kept it whole
STORIES: dict[str, tuple[float, Told, Told]] = {
    "invoiced_twice": (
        0, _BILLED | _twice("INVOICED") | {"invoiced_minor": 1800}, {"credited_minor": 900},
    ),
    "invoiced_vs_ordered": (0, _BILLED | {"invoiced_minor": 901}, {"invoiced_minor": 900}),
    "paid_twice": (
        0, _BILLED | _twice("PAID") | {"paid_minor": 1800}, {"refunded_minor": 900},
    ),
    "paid_vs_invoiced": (72, _BILLED | {"paid_minor": 897}, {"paid_minor": 898}),
    "charge_failed_but_confirmed": (24, _ORDERED | {"payment_failed_at": T}, _CANCELLED),
    "paid_not_posted": (48, _PAID, {"posted_minor": 900, "posted_at": T}),
    "shipped_not_recorded": (
        24, {"shipped_at": T}, {"recorded_quantity": 1, "recorded_at": T},
    ),
    "recorded_not_shipped": (
        48, {"recorded_at": T, "recorded_quantity": 1, "to_ship_quantity": 1}, {"shipped_at": T},
    ),
    "delivered_not_billed": (48, {"delivered_at": T, "ordered_minor": 900}, _BILLED),
    "shipped_not_billed": (
        168, {"shipped_at": T, "recorded_at": T, "recorded_quantity": 1, "ordered_minor": 900},
        _BILLED,
    ),
    "billed_not_fulfilled": (120, _BILLED | {"to_ship_quantity": 1}, _CANCELLED),
    "invoice_sent_not_active": (
        1, _BILLED | {"to_activate_quantity": 1}, {"is_active": True, "activated_at": T},
    ),
    "active_not_paid": (
        168, _BILLED | {"is_active": True, "paid_minor": 0}, {"written_off_minor": 900},
    ),
    "cancelled_but_paid": (48, _CANCELLED | _PAID, {"refunded_minor": 900}),
    "cancelled_but_shipped": (0, _CANCELLED | {"shipped_quantity": 1}, {"returned_quantity": 1}),
    "returned_but_paid": (
        336, _BILLED | {"returned_at": T, "returned_quantity": 1}, {"paid_minor": 0},
    ),
    "refunded_more_than_paid": (0, {"refunded_minor": 9}, {"paid_minor": 9}),
    "charged_back": (
        0, _BILLED | {"paid_at": T, "disputed_minor": 900}, {"credited_minor": 900},
    ),
    "shipped_more_than_ordered": (
        0,
        {"shipped_quantity": 2, "to_ship_quantity": 1, "lines": {"1": (1, 5, True)},
         "parcels": [("1", 2)]},
        {"shipped_quantity": 1, "parcels": [("1", 1)]},
    ),
    "shipped_less_than_ordered": (
        336,
        {"placed_at": T, "shipped_quantity": 1, "unshipped_quantity": 1, "to_ship_quantity": 2,
         "lines": {"1": (2, 5, True)}, "parcels": [("1", 1)]},
        {"shipped_quantity": 2, "unshipped_quantity": 0, "parcels": [("1", 2)]},
    ),
    "order_unknown_to_billing": (
        96, _ORDERED | {"heard_from": ["shop"]}, {"heard_from": ["billing", "shop"]},
    ),
    "payout_vs_split": (24, _SELLERS | {"paid_out_minor": 800}, {"paid_out_minor": 850}),
    "payout_to_cancelled": (0, _SELLERS | _CANCELLED, {"paid_out_minor": 0}),
    "late_settlement": (
        _FIVE_DAYS, _PAID | {"settling_since_at": T}, {"settling_since_at": None},
    ),
    "settlement_short": (0, _BILLED | _SETTLED | {"settled_minor": 890}, {"settled_minor": 900}),
    "paid_vs_settled": (24, _BILLED | _SETTLED | {"paid_minor": 800}, {"paid_minor": 900}),
    "settled_not_posted": (
        24, _PAID | _SETTLED, {"posted_minor": 900, "posted_at": T},
    ),
    "silent_order": (
        240, {"confirmed_at": T, "last_fact_at": T, "unshipped_quantity": 1}, _CANCELLED,
    ),
}  # fmt: skip


# What the product is to find at least, and the shipped check that finds it.
ASKED = {
    "ordered vs invoiced": "invoiced_vs_ordered",
    "invoiced vs paid": "paid_vs_invoiced",
    "paid vs settled net of fees": "paid_vs_settled",
    "settled but not posted": "settled_not_posted",
    "paid twice": "paid_twice",
    "invoiced twice": "invoiced_twice",
    "charge failed but order confirmed": "charge_failed_but_confirmed",
    "shipped vs ordered per line, too much": "shipped_more_than_ordered",
    "shipped vs ordered per line, too little": "shipped_less_than_ordered",
    "shipped but not marked fulfilled": "shipped_not_recorded",
    "marked fulfilled but not shipped": "recorded_not_shipped",
    "delivered but not billed": "delivered_not_billed",
    "billed but not fulfilled": "billed_not_fulfilled",
    "invoice sent but subscription not active": "invoice_sent_not_active",
    "active but not paid": "active_not_paid",
    "payouts vs split rule": "payout_vs_split",
    "payout to a cancelled sub-order": "payout_to_cancelled",
    "refund more than paid": "refunded_more_than_paid",
    "cancelled but paid": "cancelled_but_paid",
    "cancelled but shipped": "cancelled_but_shipped",
    "late settlement": "late_settlement",
    "silent order": "silent_order",
}
# What is wrong from the moment that it is so; every other one is waited for first.
AT_ONCE = {
    "invoiced_vs_ordered", "paid_twice", "invoiced_twice", "shipped_more_than_ordered",
    "payout_to_cancelled", "refunded_more_than_paid", "cancelled_but_shipped",
}  # fmt: skip


def test_each_check_that_was_asked_for_is_shipped_and_is_seen_to_find_and_to_wait() -> None:
    shipped = {each["name"] for each in rulebook.shipped()["checks"]}

    assert set(ASKED.values()) <= shipped
    assert set(ASKED.values()) <= set(STORIES)
    assert {name for name in ASKED.values() if STORIES[name][0] == 0} == AT_ONCE


def tell(name: str, told: Told) -> int:
    (order_id,) = build([_NOTHING | told], name)
    if "seller" in told:
        whole = order(f"{name}-whole", part_count=1, ordered_minor=told["ordered_minor"])
        Order.objects.filter(pk=order_id).update(parent=whole)
        OrderDetail.objects.filter(order=order_id).update(seller=told["seller"])
    return order_id


def broken(order_id: int) -> set[str]:
    found = Discrepancy.objects.filter(order=order_id, cleared_at=None)
    return set(found.values_list("check_name", flat=True))


def judge(order_id: int, hours: float) -> set[str]:
    reconcile.judge(order_ids=[order_id], at=T + timedelta(hours=hours))
    return broken(order_id)


@pytest.mark.parametrize("check", STORIES)
def test_a_check_waits_then_breaks_and_breaks_nothing_else(check: str) -> None:
    rules()
    hours, told, remedy = STORIES[check]
    bad, good = tell("bad", told), tell("good", told | remedy)

    if hours:
        assert judge(bad, hours - 1e-6) == set()
        assert Order.objects.get(pk=bad).verdict == "WAITING"
        assert Recheck.objects.get(order=bad).due_at <= T + hours * HOUR
    assert judge(bad, hours) == {check}
    assert check not in judge(good, hours)


@pytest.mark.parametrize("check", STORIES)
def test_a_waiver_holds_until_what_was_compared_changes(check: str) -> None:
    rules()
    hours, told, _ = STORIES[check]
    bad = tell("bad", told)
    assert check in judge(bad, hours)
    found = Discrepancy.objects.get(check_name=check)
    person = User.objects.create(username="ada")

    discrepancies.waive(discrepancy_id=found.pk, reason="agreed", by=person, at=T + hours * HOUR)

    assert check not in judge(bad, hours)
    assert check not in judge(bad, hours + 1)
    change(Order.objects.get(pk=bad), found.details)
    assert check in judge(bad, hours + 1)


def change(row: Order, compared: dict[str, Any]) -> None:
    """Change one of the compared values, so little that the check is as broken as before."""
    if "lines" in compared:
        Entry.objects.create(
            order=row, event=event("more"), number=0, kind="SHIPPED", line="9", quantity=1,
            occurred_at=T,
        )  # fmt: skip
        row.lines.update(quantity=F("quantity") + 1)
        return
    own = {field.name for field in Order._meta.fields}
    known = [name for name in compared if compared[name] and name in own and "_minor" in name]
    known = known or [name for name, value in compared.items() if value and name.endswith("_at")]
    value = getattr(row, known[0])
    other = value + 7 if isinstance(value, int) else value - HOUR
    Order.objects.filter(pk=row.pk).update(**{known[0]: other})

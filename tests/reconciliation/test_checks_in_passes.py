"""Each shipped check through passes: it holds, waits, breaks, is waived, and breaks anew."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F

from reconciliation import discrepancies, reconcile
from reconciliation.models import Discrepancy, Entry, Order, Recheck
from tests.reconciliation.companies import build
from tests.reconciliation.worlds import HOUR, NOON, event, rules

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


def _twice(kind: str) -> Told:
    entries = [
        {"kind": kind, "amount_minor": 900, "reference": name, "occurred_at": T}
        for name in ("r1", "r2")
    ]
    return {"entries": entries}


# check → hours that it waits, an order that breaks it, and what would have kept it whole
STORIES: dict[str, tuple[int, Told, Told]] = {
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
    "silent_order": (
        240, {"confirmed_at": T, "last_fact_at": T, "unshipped_quantity": 1}, _CANCELLED,
    ),
}  # fmt: skip


def tell(name: str, told: Told) -> int:
    (order_id,) = build([_NOTHING | told], name)
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


def change(order: Order, compared: dict[str, Any]) -> None:
    """Change one of the compared values, so little that the check is as broken as before."""
    if "lines" in compared:
        Entry.objects.create(
            order=order, event=event("more"), number=0, kind="SHIPPED", line="9", quantity=1,
            occurred_at=T,
        )  # fmt: skip
        order.lines.update(quantity=F("quantity") + 1)
        return
    known = [name for name, value in compared.items() if value and name.endswith("_minor")]
    known = known or [name for name, value in compared.items() if value and name.endswith("_at")]
    value = getattr(order, known[0])
    other = value + 7 if isinstance(value, int) else value - HOUR
    Order.objects.filter(pk=order.pk).update(**{known[0]: other})

"""Each check of rulebook version 1, one row on each side of every edge."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from reconciliation import checks, rulebook
from reconciliation.fields import BadCondition
from reconciliation.models import Entry, Order, OrderDetail
from tests.reconciliation.worlds import HOUR, NOON, event, order, rules, source

pytestmark = pytest.mark.django_db
RULES = rulebook.parse(number=1, content=rulebook.shipped())
TICK = timedelta(microseconds=1)
T = NOON  # when each order's story begins


def judged(check: str, at: datetime) -> dict[str, dict[str, Any]]:
    """Run one check over every order; rows by the order's name, what holds left out."""
    query = checks.compiled(RULES.check(check))
    with connection.cursor() as cursor:
        cursor.execute(query.text, {**query.parameters, "at": at})
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    orders = dict(Order.objects.values_list("pk", "canonical_id"))
    return {orders[row["order_id"]]: row for row in rows if row["verdict"] != "HOLDS"}


def verdict(check: str, at: datetime, **totals: object) -> str:
    order("A-1", **totals)
    return str(judged(check, at).get("A-1", {"verdict": "HOLDS"})["verdict"])


BILLED: dict[str, Any] = {"ordered_minor": 1000, "invoiced_minor": 1000, "invoiced_at": T}
PAID = {"paid_minor": 1000, "paid_at": T, "ordered_minor": 1000}
ACTIVE = {**BILLED, "is_active": True, "to_activate_quantity": 1}
FAILED = {"payment_failed_at": T, "confirmed_at": T, "ordered_minor": 1000}
GONE = {"cancelled_at": T, **PAID}
BACK = {**PAID, "returned_at": T, "returned_quantity": 1, "shipped_quantity": 1}
QUIET = {"confirmed_at": T, "last_fact_at": T, "unshipped_quantity": 1}
SENT = {"shipped_at": T}
MARKED = {"recorded_at": T, "recorded_quantity": 1}
SHIP = {"to_ship_quantity": 1}
HANDED = {"delivered_at": T}
WORTH = {"ordered_minor": 1}
RETURN = {"returned_quantity": 1}
VOID = {"credited_minor": 1000}
TO_ACTIVATE = {"to_activate_quantity": 1}
OUT = {"unshipped_quantity": 0}
SOON = 0 * HOUR


@pytest.mark.parametrize(
    ("check", "after", "totals", "expected"),
    [
        ("invoiced_vs_ordered", SOON, BILLED, "HOLDS"),
        ("invoiced_vs_ordered", SOON, {**BILLED, "invoiced_minor": 1001}, "BROKEN"),
        ("invoiced_vs_ordered", SOON, {**BILLED, "invoiced_minor": 999}, "BROKEN"),
        ("invoiced_vs_ordered", SOON, {**BILLED, "credited_minor": 1}, "BROKEN"),
        ("invoiced_vs_ordered", SOON, {**BILLED, **VOID}, "HOLDS"),
        ("invoiced_vs_ordered", SOON, {"ordered_minor": 1000}, "HOLDS"),
        ("invoiced_vs_ordered", SOON, {**BILLED, "invoiced_minor": 9, "cancelled_at": T}, "HOLDS"),
        ("paid_vs_invoiced", 72 * HOUR, {**BILLED, "paid_minor": 1000}, "HOLDS"),
        ("paid_vs_invoiced", 72 * HOUR, {**BILLED, "paid_minor": 998}, "HOLDS"),
        ("paid_vs_invoiced", 72 * HOUR, {**BILLED, "paid_minor": 997}, "BROKEN"),
        ("paid_vs_invoiced", 72 * HOUR, {**BILLED, "paid_minor": 1002}, "HOLDS"),
        ("paid_vs_invoiced", 72 * HOUR, {**BILLED, "paid_minor": 1003}, "BROKEN"),
        ("paid_vs_invoiced", 72 * HOUR - TICK, {**BILLED, "paid_minor": 997}, "WAITING"),
        ("paid_vs_invoiced", 72 * HOUR,
         {**BILLED, "paid_minor": 900, "written_off_minor": 100}, "HOLDS"),
        ("paid_vs_invoiced", 72 * HOUR,
         {**BILLED, "paid_minor": 1000, "refunded_minor": 3}, "BROKEN"),
        ("charge_failed_but_confirmed", 24 * HOUR, FAILED, "BROKEN"),
        ("charge_failed_but_confirmed", 24 * HOUR - TICK, FAILED, "WAITING"),
        ("charge_failed_but_confirmed", 24 * HOUR, {**FAILED, "paid_minor": 1}, "HOLDS"),
        ("charge_failed_but_confirmed", 24 * HOUR, {**FAILED, "confirmed_at": None}, "HOLDS"),
        ("charge_failed_but_confirmed", 24 * HOUR, {**FAILED, "cancelled_at": T}, "HOLDS"),
        ("paid_not_posted", 48 * HOUR, PAID, "BROKEN"),
        ("paid_not_posted", 48 * HOUR - TICK, PAID, "WAITING"),
        ("paid_not_posted", 48 * HOUR, {**PAID, "posted_at": T, "posted_minor": 1}, "HOLDS"),
        ("paid_not_posted", 48 * HOUR, {**PAID, "posted_at": T, "posted_minor": 0}, "BROKEN"),
        ("paid_not_posted", 48 * HOUR, {**PAID, "refunded_minor": 1000}, "HOLDS"),
        ("paid_not_posted", 48 * HOUR, GONE, "HOLDS"),
        ("shipped_not_recorded", 24 * HOUR, SENT, "BROKEN"),
        ("shipped_not_recorded", 24 * HOUR - TICK, SENT, "WAITING"),
        ("shipped_not_recorded", 24 * HOUR, {**SENT, **MARKED}, "HOLDS"),
        ("shipped_not_recorded", 24 * HOUR, {**SENT, **MARKED, "recorded_quantity": 0}, "BROKEN"),
        ("shipped_not_recorded", 24 * HOUR, {}, "HOLDS"),
        ("recorded_not_shipped", 48 * HOUR, {**MARKED, **SHIP}, "BROKEN"),
        ("recorded_not_shipped", 48 * HOUR - TICK, {**MARKED, **SHIP}, "WAITING"),
        ("recorded_not_shipped", 48 * HOUR, {**MARKED, "to_ship_quantity": 0}, "HOLDS"),
        ("recorded_not_shipped", 48 * HOUR, {**MARKED, **SHIP, "recorded_quantity": 0}, "HOLDS"),
        ("recorded_not_shipped", 48 * HOUR, {**MARKED, **SHIP, **SENT}, "HOLDS"),
        ("delivered_not_billed", 48 * HOUR, {**HANDED, "ordered_minor": 1}, "BROKEN"),
        ("delivered_not_billed", 48 * HOUR - TICK, {**HANDED, "ordered_minor": 1}, "WAITING"),
        ("delivered_not_billed", 48 * HOUR, {**HANDED, "ordered_minor": 0}, "HOLDS"),
        ("delivered_not_billed", 48 * HOUR, {**HANDED, **BILLED}, "HOLDS"),
        ("delivered_not_billed", 48 * HOUR, {**HANDED, **BILLED, **VOID}, "BROKEN"),
        ("delivered_not_billed", 48 * HOUR, {**HANDED, **BILLED, **VOID, **RETURN}, "HOLDS"),
        ("delivered_not_billed", 48 * HOUR, {**HANDED, **RETURN}, "HOLDS"),  # nothing left to bill
        ("invoice_sent_not_active", HOUR, {**BILLED, **TO_ACTIVATE}, "BROKEN"),
        ("invoice_sent_not_active", HOUR - TICK, {**BILLED, **TO_ACTIVATE}, "WAITING"),
        ("invoice_sent_not_active", HOUR, {**ACTIVE, "activated_at": T}, "HOLDS"),
        ("invoice_sent_not_active", HOUR,
         {**ACTIVE, "activated_at": T, "is_active": False}, "BROKEN"),
        ("invoice_sent_not_active", HOUR, BILLED, "HOLDS"),
        ("active_not_paid", 168 * HOUR, ACTIVE, "BROKEN"),
        ("active_not_paid", 168 * HOUR - TICK, ACTIVE, "WAITING"),
        ("active_not_paid", 168 * HOUR, {**ACTIVE, "paid_minor": 1}, "HOLDS"),
        ("active_not_paid", 168 * HOUR, {**ACTIVE, "written_off_minor": 1}, "HOLDS"),
        ("active_not_paid", 168 * HOUR, {**ACTIVE, "invoiced_minor": 0}, "HOLDS"),
        ("cancelled_but_paid", 48 * HOUR, GONE, "BROKEN"),
        ("cancelled_but_paid", 48 * HOUR - TICK, GONE, "WAITING"),
        ("cancelled_but_paid", 48 * HOUR, {**GONE, "paid_at": T + TICK}, "WAITING"),
        ("cancelled_but_paid", 48 * HOUR, {**GONE, "refunded_minor": 1000}, "HOLDS"),
        ("cancelled_but_paid", 48 * HOUR, {**GONE, "refunded_minor": 999}, "BROKEN"),
        ("cancelled_but_shipped", SOON, {"cancelled_at": T, "shipped_quantity": 1}, "BROKEN"),
        ("cancelled_but_shipped", SOON, {"cancelled_at": T, "shipped_quantity": 0}, "HOLDS"),
        ("cancelled_but_shipped", SOON,
         {"cancelled_at": T, "shipped_quantity": 1, **RETURN}, "HOLDS"),
        ("cancelled_but_shipped", SOON, {"cancelled_at": None, "shipped_quantity": 1}, "HOLDS"),
        ("returned_but_paid", 336 * HOUR, BACK, "BROKEN"),
        ("returned_but_paid", 336 * HOUR - TICK, BACK, "WAITING"),
        ("returned_but_paid", 336 * HOUR, {**BACK, "refunded_minor": 1000}, "HOLDS"),
        ("returned_but_paid", 336 * HOUR, {**BACK, "refunded_minor": 999}, "BROKEN"),
        ("returned_but_paid", 336 * HOUR,
         {**BACK, "refunded_minor": 1, "shipped_quantity": 2}, "HOLDS"),
        ("returned_but_paid", 336 * HOUR, {**BACK, "shipped_quantity": 2}, "BROKEN"),
        ("refunded_more_than_paid", SOON, {"paid_minor": 10, "refunded_minor": 10}, "HOLDS"),
        ("refunded_more_than_paid", SOON, {"paid_minor": 10, "refunded_minor": 11}, "BROKEN"),
        ("refunded_more_than_paid", SOON, {"paid_minor": 10, "refunded_minor": 1}, "HOLDS"),
        ("charged_back", SOON, {**BILLED, **PAID, "disputed_minor": 3}, "BROKEN"),
        ("charged_back", SOON, {**BILLED, **PAID, "disputed_minor": 2}, "HOLDS"),
        ("charged_back", SOON,
         {**BILLED, **PAID, "disputed_minor": 1000, "written_off_minor": 1000}, "HOLDS"),
        ("charged_back", SOON,
         {**BILLED, **PAID, "disputed_minor": 1000, "credited_minor": 1000}, "HOLDS"),
        ("charged_back", SOON, {**BILLED, **GONE, "disputed_minor": 1000}, "HOLDS"),
        ("shipped_not_billed", 168 * HOUR, {**SENT, **WORTH}, "BROKEN"),
        ("shipped_not_billed", 168 * HOUR - TICK, {**SENT, **WORTH}, "WAITING"),
        ("shipped_not_billed", 168 * HOUR, {**SENT, **BILLED}, "HOLDS"),
        ("shipped_not_billed", 168 * HOUR, {**SENT, **WORTH, **HANDED}, "HOLDS"),  # another check's
        ("shipped_not_billed", 168 * HOUR, {**SENT, **WORTH, **RETURN}, "HOLDS"),
        ("shipped_not_billed", 168 * HOUR, {**SENT, "ordered_minor": 0}, "HOLDS"),
        ("billed_not_fulfilled", 120 * HOUR, {**BILLED, **SHIP}, "BROKEN"),
        ("billed_not_fulfilled", 120 * HOUR - TICK, {**BILLED, **SHIP}, "WAITING"),
        ("billed_not_fulfilled", 120 * HOUR, {**BILLED, **SHIP, **SENT}, "HOLDS"),
        ("billed_not_fulfilled", 120 * HOUR,
         {**BILLED, **SHIP, **SENT, "unshipped_quantity": 1}, "BROKEN"),
        ("billed_not_fulfilled", 120 * HOUR, BILLED, "HOLDS"),  # nothing has to be sent
        ("billed_not_fulfilled", 120 * HOUR, {**BILLED, **SHIP, **VOID}, "HOLDS"),
        ("billed_not_fulfilled", 120 * HOUR, {**BILLED, **SHIP, "cancelled_at": T}, "HOLDS"),
        ("paid_vs_invoiced", 72 * HOUR, {**BILLED, "unshipped_quantity": 1}, "HOLDS"),  # not owed
        ("paid_vs_invoiced", 72 * HOUR,
         {**BILLED, "unshipped_quantity": 1, "paid_minor": 9}, "BROKEN"),
        ("silent_order", 240 * HOUR, QUIET, "BROKEN"),
        ("silent_order", 240 * HOUR - TICK, QUIET, "WAITING"),
        ("silent_order", 240 * HOUR, {**QUIET, **OUT}, "HOLDS"),
        ("silent_order", 240 * HOUR, {**QUIET, **OUT, **TO_ACTIVATE}, "BROKEN"),
        ("silent_order", 240 * HOUR, {**QUIET, **OUT, **TO_ACTIVATE, "is_active": True}, "HOLDS"),
        ("silent_order", 240 * HOUR, {**QUIET, "confirmed_at": None}, "HOLDS"),
        ("silent_order", 240 * HOUR, {**QUIET, "cancelled_at": T}, "HOLDS"),
    ],
)  # fmt: skip
def test_each_edge_of_each_check(
    check: str, after: timedelta, totals: dict[str, object], expected: str
) -> None:
    assert verdict(check, T + after, **totals) == expected


def entered(mine: Order, kind: str, *entries: tuple[str, int, timedelta]) -> list[Entry]:
    """Put amounts on an order: (reference, amount, how long after its beginning)."""
    cause = event(f"e-{mine.pk}-{kind}")
    return [
        Entry.objects.create(
            order=mine, event=cause, number=number, kind=kind, amount_minor=amount,
            currency="EUR", reference=reference, occurred_at=T + after,
        )
        for number, (reference, amount, after) in enumerate(entries)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "kind", "total", "window"),
    [
        ("paid_twice", "PAID", "paid_minor", 240 * HOUR),
        ("invoiced_twice", "INVOICED", "invoiced_minor", 720 * HOUR),
    ],
)
def test_the_same_amount_twice(check: str, kind: str, total: str, window: timedelta) -> None:
    rules()
    stories = {
        "twice": [("r1", 500, SOON), ("r2", 500, window)],
        "twice, far apart": [("r1", 500, SOON), ("r2", 500, window + TICK)],
        "one reference": [("r1", 500, SOON), ("r1", 500, HOUR)],
        "other amounts": [("r1", 500, SOON), ("r2", 499, HOUR)],
        "one event without a reference": [("", 500, SOON), ("", 500, HOUR)],
    }
    for name, entries in stories.items():
        paid = sum(amount for _, amount, _ in entries)
        entered(order(name, ordered_minor=500, **{total: paid}), kind, *entries)

    found = judged(check, T)

    assert set(found) == {"twice"}
    row = found["twice"]
    assert (row["expected_minor"], row["actual_minor"], row["at_risk_minor"]) == (500, 1000, 500)
    assert json.loads(row["details"])["again"] == ["r2"]


def test_the_same_amount_twice_without_references_is_proposed_as_a_duplicate() -> None:
    rules()
    mine = order(ordered_minor=500, paid_minor=1000)
    for number in (1, 2):
        Entry.objects.create(
            order=mine, event=event(f"cash-{number}"), number=0, kind="PAID", amount_minor=500,
            currency="EUR", occurred_at=T - number * HOUR,
        )  # fmt: skip

    found = judged("paid_twice", T)[mine.canonical_id]

    second = Entry.objects.get(event__event_id="cash-1")
    assert json.loads(found["details"])["again"] == [f"event {second.event_id}"]


def test_two_halves_of_one_price_are_no_duplicate() -> None:
    rules()
    mine = order(ordered_minor=1000, paid_minor=1000)

    entered(mine, "PAID", ("r1", 500, SOON), ("r2", 500, HOUR))

    assert judged("paid_twice", T) == {}


def test_a_duplicate_that_was_refunded_is_none_any_more() -> None:
    rules()
    mine = order(ordered_minor=500, paid_minor=1000, refunded_minor=500)

    entered(mine, "PAID", ("r1", 500, SOON), ("r2", 500, HOUR))

    assert judged("paid_twice", T) == {}


def test_a_reversed_entry_is_no_duplicate() -> None:
    rules()
    mine = order(ordered_minor=400, paid_minor=500)
    _, second = entered(mine, "PAID", ("r1", 500, SOON), ("r2", 500, HOUR))

    Entry.objects.create(
        order=mine, event=event("undo"), number=0, kind="PAID", amount_minor=-500,
        currency="EUR", reference="r2", occurred_at=T, reverses=second,
    )  # fmt: skip

    assert judged("paid_twice", T) == {}


@pytest.mark.parametrize(
    ("paid", "is_off"), [(1010, False), (1011, True), (950, False), (949, True)]
)
def test_the_larger_of_two_tolerances_counts_on_each_side(paid: int, is_off: bool) -> None:  # noqa: FBT001
    content = rulebook.shipped()
    content["checks"][3]["parameters"] |= {
        "above_minor": 2, "above_basis_points": 100, "below_minor": 50, "below_basis_points": 1,
    }  # fmt: skip
    check = rulebook.parse(number=2, content=content).check("paid_vs_invoiced")
    order(paid_minor=paid, **BILLED)

    query = checks.compiled(check)
    with connection.cursor() as cursor:
        cursor.execute(query.text, {**query.parameters, "at": T + 99 * HOUR})
        (row,) = cursor.fetchall()

    assert row[1] == ("BROKEN" if is_off else "HOLDS")


def test_a_check_may_apply_by_what_stands_beside_the_order() -> None:
    rules()
    content = rulebook.shipped()
    content["checks"][5]["applies"].append(
        {"field": "channel", "operator": "is", "value": "100% {web}"}
    )
    check = rulebook.parse(number=2, content=content).check("paid_not_posted")
    for name, channel in (("A-1", "100% {web}"), ("A-2", "till")):
        OrderDetail.objects.create(order=order(name, **PAID), source=source(), channel=channel)

    query = checks.compiled(check)
    with connection.cursor() as cursor:
        cursor.execute(query.text, {**query.parameters, "at": T + 48 * HOUR})
        found = [order_id for order_id, *_ in cursor.fetchall()]

    assert found == [Order.objects.get(canonical_id="A-1").pk]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("since", ["password_at"]),
        ("expected", ["id"]),
        ("applies", [{"field": "secret", "operator": "is", "value": "1"}]),
        ("applies", [{"field": "paid_at", "operator": "in_last", "value": "3d"}]),
    ],
)
def test_a_check_that_speaks_of_what_no_order_has_is_refused(part: str, value: object) -> None:
    content = rulebook.shipped()
    check = content["checks"][3]
    (check if part == "applies" else check["parameters"])[part] = value
    parsed = rulebook.parse(number=2, content=content)

    assert len(checks.problems(parsed)) == 1
    with pytest.raises(BadCondition):
        checks.compiled(parsed.check("paid_vs_invoiced"))


def test_every_check_that_is_shipped_can_be_judged() -> None:
    assert checks.problems(RULES) == []

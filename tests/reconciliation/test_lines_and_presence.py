"""Checks that look beyond an order's own row: line by line, and which systems know of it."""

import json
from typing import Any

import pytest
from django.db import connection

from reconciliation import checks, rulebook
from reconciliation.fields import BadCondition
from reconciliation.models import Entry, Order, OrderLine
from tests.reconciliation.worlds import HOUR, NOON, event, order, rules, source

pytestmark = pytest.mark.django_db
Units = dict[str, tuple[int, int]]  # line → units ordered, units shipped
SHOP_ORDER: dict[str, Any] = {
    "ordered_minor": 900, "placed_at": NOON, "confirmed_at": NOON,
}  # fmt: skip


def parcel(mine: Order, line: str, units: int, name: str = "") -> Entry:
    """Ship units of one line."""
    return Entry.objects.create(
        order=mine, event=event(name or f"{mine.pk}/{line}"), number=0, kind="SHIPPED", line=line,
        quantity=units, reference="P1", occurred_at=NOON,
    )  # fmt: skip


def of_lines(name: str, units: Units, **more: object) -> Order:
    """Make an order of these lines at 250 a unit, with the totals that they come to."""
    mine = order(
        name,
        to_ship_quantity=sum(due for due, _ in units.values()),
        shipped_quantity=sum(out for _, out in units.values()),
        unshipped_quantity=sum(max(due - out, 0) for due, out in units.values()),
        placed_at=NOON,
        **more,
    )
    for line, (due, out) in units.items():
        if due:
            OrderLine.objects.create(order=mine, line=line, quantity=due, unit_minor=250)
        if out:
            parcel(mine, line, out)
    return mine


def told(mine: Order, kind: str, *slugs: str) -> None:
    """Let systems put something on an order."""
    for slug in slugs:
        said = event(f"{mine.pk}/{slug}")
        said.source = source(slug)
        said.save(update_fields=["source"])
        Entry.objects.create(order=mine, event=said, number=0, kind=kind, occurred_at=NOON)


def judged(name: str, after: int, **parameters: object) -> dict[str, tuple[str, dict[str, Any]]]:
    """Judge every order by one check some hours later; what holds is left out."""
    content = rulebook.shipped()
    (told_so,) = (each for each in content["checks"] if each["name"] == name)
    told_so["parameters"] |= parameters
    check = rulebook.parse(number=2, content=content).check(name)
    query = checks.compiled(check)
    with connection.cursor() as cursor:
        cursor.execute(query.text, {**query.parameters, "at": NOON + after * HOUR})
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    orders = dict(Order.objects.values_list("pk", "canonical_id"))
    return {
        orders[row["order_id"]]: (row["verdict"], row | {"details": json.loads(row["details"])})
        for row in rows
        if row["verdict"] != "HOLDS"
    }


def off_lines(row: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [(each["line"], each["expected"], each["actual"]) for each in row["details"]["lines"]]


def test_too_many_units_of_one_line_are_found_though_the_sum_is_right() -> None:
    rules()
    of_lines("right", {"1": (1, 1), "2": (2, 2)})
    of_lines("wrong line", {"1": (1, 3), "2": (2, 0)})
    of_lines("never ordered", {"1": (1, 1), "9": (0, 2)})
    of_lines("on its way", {"1": (4, 1)})

    found = judged("shipped_more_than_ordered", 0)

    assert {name: (said, off_lines(row)) for name, (said, row) in found.items()} == {
        "wrong line": ("BROKEN", [("1", 1, 3)]),
        "never ordered": ("BROKEN", [("9", 0, 2)]),
    }
    assert found["wrong line"][1]["at_risk_minor"] == 500
    assert found["never ordered"][1]["at_risk_minor"] == 0  # of what was never ordered


@pytest.mark.parametrize(("after", "verdict"), [(336, "BROKEN"), (335, "WAITING")])
def test_a_line_of_which_a_part_was_shipped_waits_for_the_rest(after: int, verdict: str) -> None:
    rules()
    of_lines("half", {"1": (1, 1), "2": (5, 2), "3": (1, 0)})
    of_lines("all", {"1": (1, 1)})
    of_lines("nothing yet", {"1": (1, 0)})

    found = judged("shipped_less_than_ordered", after)

    assert {name: (said, off_lines(row)) for name, (said, row) in found.items()} == {
        "half": (verdict, [("2", 5, 2), ("3", 1, 0)])
    }
    assert found["half"][1]["at_risk_minor"] == 1_000


def test_a_parcel_that_was_taken_back_counts_for_no_line() -> None:
    rules()
    mine = of_lines("A-1", {"1": (1, 3)})
    twice = Entry.objects.get()
    Entry.objects.create(
        order=mine, event=event("undo"), number=0, kind="SHIPPED", line="1", quantity=-3,
        occurred_at=NOON, reverses=twice,
    )  # fmt: skip

    assert judged("shipped_more_than_ordered", 0) == {}


@pytest.mark.parametrize(("units", "is_off"), [(21, False), (22, True)])
def test_a_line_has_its_tolerance_in_units_or_in_parts(units: int, is_off: bool) -> None:  # noqa: FBT001
    rules()
    of_lines("A-1", {"1": (20, units)})

    found = judged("shipped_more_than_ordered", 0, above_minor=1, above_basis_points=500)

    assert ("A-1" in found) == is_off


def test_a_sub_order_is_judged_by_the_parcels_of_its_own_lines() -> None:
    rules()
    whole = of_lines("whole", {"1": (1, 0), "2": (1, 0)})
    for line in ("1", "2"):
        of_lines(f"part-{line}", {line: (1, 0)})
    Order.objects.filter(canonical_id__startswith="part").update(
        parent=whole, shipped_quantity=3, unshipped_quantity=0
    )
    parcel(whole, "1", 3)
    parcel(whole, "2", 1)

    found = judged("shipped_more_than_ordered", 0)

    assert {name: off_lines(row) for name, (_, row) in found.items()} == {"part-1": [("1", 1, 3)]}


def test_an_order_that_billing_never_heard_of_is_missed_there() -> None:
    rules()
    source("billing")
    for name, slugs in {
        "unknown": ("shop",), "known": ("shop", "billing"), "of nobody": (), "by phone": ("crm",)
    }.items():  # fmt: skip
        told(order(name, **SHOP_ORDER), "CONFIRMED", *slugs)
    told(order("not sure", **SHOP_ORDER | {"confirmed_at": None}), "ORDERED", "shop")
    told(order("billed", **SHOP_ORDER, invoiced_minor=9), "ORDERED", "shop")

    found = judged("order_unknown_to_billing", 96)

    assert {name: said for name, (said, _) in found.items()} == {
        "unknown": "BROKEN", "by phone": "BROKEN",
    }  # fmt: skip
    assert found["unknown"][1]["details"]["told_by"] == ["shop"]
    assert {said for said, _ in judged("order_unknown_to_billing", 95).values()} == {"WAITING"}


def test_what_was_taken_back_was_not_told() -> None:
    rules()
    mine = order("A-1", **SHOP_ORDER)
    told(mine, "ORDERED", "shop", "billing")
    wrong = Entry.objects.get(event__source__slug="billing")
    Entry.objects.create(
        order=mine, event=event("undo"), number=0, kind="ORDERED", occurred_at=NOON, reverses=wrong
    )

    assert set(judged("order_unknown_to_billing", 96)) == {"A-1"}


def test_a_system_that_is_not_listened_to_is_not_missed() -> None:
    rules()
    told(order("A-1", **SHOP_ORDER), "ORDERED", "shop")
    assert judged("order_unknown_to_billing", 96) == {}

    billing = source("billing")
    billing.listening_since = NOON + HOUR
    billing.save()
    assert judged("order_unknown_to_billing", 96)["A-1"][0] == "WAITING"
    assert judged("order_unknown_to_billing", 97)["A-1"][0] == "BROKEN"

    billing.is_paused = True
    billing.save()
    assert judged("order_unknown_to_billing", 97) == {}


def test_a_check_of_lines_that_speaks_of_what_no_line_has_is_refused() -> None:
    content = rulebook.shipped()
    (check,) = (c for c in content["checks"] if c["name"] == "shipped_more_than_ordered")
    check["parameters"]["actual"] = ["paid_minor"]
    parsed = rulebook.parse(number=2, content=content)

    assert len(checks.problems(parsed)) == 1
    with pytest.raises(BadCondition):
        checks.compiled(parsed.check("shipped_more_than_ordered"))


@pytest.mark.parametrize(("family", "unit"), [("conflict", "quantity"), ("balance", "money")])
def test_only_units_are_compared_line_by_line(family: str, unit: str) -> None:
    content = rulebook.shipped()
    (check,) = (c for c in content["checks"] if c["name"] == "shipped_more_than_ordered")
    check["family"] = family
    check["parameters"]["unit"] = unit

    assert rulebook.problems(content)

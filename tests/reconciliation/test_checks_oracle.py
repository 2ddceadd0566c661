"""The checks in SQL against the same checks in plain Python, on generated companies."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from reconciliation import checks, reconcile, rulebook
from reconciliation.models import Discrepancy, Entry, Order, OrderDetail
from tests.reconciliation import oracle
from tests.reconciliation.worlds import HOUR, NOON, event, rules, source

pytestmark = pytest.mark.django_db
_WINDOWS = (0, 1, 24, 48, 72, 168, 240, 336, 720)


def _moment(dice: random.Random) -> datetime | None:
    """Pick a moment on or next to the edge of some window, or none."""
    if dice.random() < 0.4:
        return None
    edge = NOON - dice.choice(_WINDOWS) * HOUR
    return edge + timedelta(microseconds=dice.choice((-1, 0, 1)))


def _totals(dice: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in Order._meta.concrete_fields:
        name = field.name
        if name.endswith("_minor"):
            found[name] = dice.choice((0, 0, 500, 500, 502, 503, 1000))
        elif name.endswith("_quantity"):
            found[name] = dice.choice((0, 0, 1, 2))
        elif name.endswith("_at"):
            found[name] = _moment(dice)
    found["ordered_minor"] = dice.choice((0, 500, 1000))
    return {**found, "is_active": dice.random() < 0.5, "reconciled_at": None}


def _entries(dice: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "kind": dice.choice(("PAID", "INVOICED")),
            "amount_minor": dice.choice((500, 503)),
            "reference": dice.choice(("r1", "r2", "r3")),
            "occurred_at": NOON - dice.choice((0, 240, 241, 719, 720)) * HOUR,
        }
        for _ in range(dice.randrange(6))
    ]


def company(seed: int, size: int = 300) -> dict[int, oracle.Order]:
    """Make a company whose orders are as odd as can be, and give them by row id."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    cause = event(f"company {seed}")
    told = [(_totals(dice), _entries(dice)) for _ in range(size)]
    made = Order.objects.bulk_create(
        Order(canonical_id=f"{seed}-{n}", currency="EUR", **totals)
        for n, (totals, _) in enumerate(told)
    )
    numbers = iter(range(size * 6))
    Entry.objects.bulk_create(
        Entry(order=order, event=cause, number=next(numbers), currency="EUR", **entry)
        for order, (_, entries) in zip(made, told, strict=True)
        for entry in entries
    )
    found: dict[int, oracle.Order] = {
        order.pk: {
            **totals, "entries": entries, "name": order.canonical_id, "whole": None, "parts": [],
        }
        for order, (totals, entries) in zip(made, told, strict=True)
    }  # fmt: skip
    _make_families(dice, made, found)
    return found


def _make_families(dice: random.Random, made: list[Order], found: dict[int, oracle.Order]) -> None:
    """Make a family of every four of the last orders; payouts are often what the rule says."""
    for place in range(len(made) // 2, len(made), 4):
        whole, *parts = made[place : place + 4]
        found[whole.pk]["parts"] = [found[part.pk] for part in parts]
        Order.objects.filter(pk=whole.pk).update(part_count=len(parts))
        for part in parts:
            found[part.pk]["whole"] = found[whole.pk]
            told = {
                "ordered_minor": dice.choice((500, 333, 1)),
                "paid_out_minor": dice.choice((0, 283, 284, 425)),
                "cancelled_at": _moment(dice) if dice.random() < 0.3 else None,
            }
            found[part.pk] |= told
            Order.objects.filter(pk=part.pk).update(parent=whole, **told)
    OrderDetail.objects.bulk_create(OrderDetail(order=one, source=source()) for one in made)


def in_sql(check: rulebook.Check, *, rules: rulebook.Rulebook) -> dict[int, oracle.Answer]:
    query = checks.compiled(check)
    days = checks.working_days(check, rules=rules, at=NOON)
    with connection.cursor() as cursor:
        cursor.execute(query.text, {**query.parameters, **days, "at": NOON})
        rows = cursor.fetchall()
    assert len({row[0] for row in rows}) == len(rows), "one row an order"
    return {row[0]: (row[1], row[2], row[5]) for row in rows if row[1] != "HOLDS"}


@pytest.mark.parametrize("seed", range(4))
def test_every_check_finds_what_the_oracle_finds(seed: int) -> None:
    live = rules()
    orders = company(seed)

    for check in live.order_checks():
        told = {pk: oracle.CHECKS[check.name](order, NOON) for pk, order in orders.items()}
        expected = {pk: answer for pk, answer in told.items() if answer != oracle.HOLDS}
        assert in_sql(check, rules=live) == expected, check.name
        assert expected, f"{check.name} was never put to the test"


def test_a_pass_opens_what_the_oracle_says_is_broken() -> None:
    rules()
    orders = company(99)

    counts = reconcile.judge_all(at=NOON)

    expected = {pk: oracle.broken(order, NOON) for pk, order in orders.items()}
    found: dict[int, set[str]] = {pk: set() for pk in orders}
    for pk, name in Discrepancy.objects.values_list("order_id", "check_name"):
        found[pk].add(name)
    assert found == expected
    assert counts.judged == len(orders)
    assert counts.broken == sum(1 for names in expected.values() if names)
    assert counts.judged == counts.holds + counts.waiting + counts.broken

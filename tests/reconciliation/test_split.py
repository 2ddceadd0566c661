"""Payouts against their split rule: shared out to the last cent, each decision on the trail."""

import json
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import AuditEvent
from reconciliation import apply, checks, reconcile, rulebook
from reconciliation.models import Discrepancy, Order, OrderDetail
from reconciliation.rulebook import Check
from tests.reconciliation import oracle
from tests.reconciliation.worlds import order, rules, source
from tests.world import NOON, later, line, place, say, the_order

EUR: dict[str, Any] = {"currency": "EUR"}
_numbers = count()


def split(*shares: tuple[str, int, int]) -> Check:
    """Make the shipped check with other shares: seller, basis points, fixed amount."""
    content = rulebook.shipped()
    (check,) = [each for each in content["checks"] if each["name"] == "payout_vs_split"]
    names = ("seller", "basis_points", "fixed_minor")
    check["parameters"]["shares"] = [dict(zip(names, share, strict=True)) for share in shares]
    return rulebook.parse(number=1, content=content).check("payout_vs_split")


def shares_of(whole: Order, check: Check) -> dict[str, int]:
    query = checks.compiled(check)
    with connection.cursor() as cursor:
        cursor.execute(query.text, {**query.parameters, "at": NOON})
        found = {row[0]: row[3] for row in cursor.fetchall()}
    return {part.canonical_id: found[part.pk] for part in whole.parts.all() if part.pk in found}


def family(amounts: dict[str, int], **totals: object) -> Order:
    """Make an order with a part a seller; the seller's name is the part's last letter."""
    name = f"W{next(_numbers)}"
    whole = order(name, part_count=len(amounts), ordered_minor=sum(amounts.values()))
    for seller, amount in amounts.items():
        part = order(f"{name}-{seller}", parent=whole, ordered_minor=amount, **totals)
        OrderDetail.objects.create(order=part, source=source(), seller=seller)
    return whole


class TestShares(TestCase):
    """Shares of an order add up to all of it."""

    @settings(max_examples=40)
    @given(st.lists(st.integers(0, 10**15), min_size=1, max_size=5), st.integers(0, 10_000))
    def test_are_those_of_the_largest_remainder(self, amounts: list[int], points: int) -> None:
        """As an independent reckoning has them, each within a unit of its exact share."""
        rules()
        whole = family(dict(zip("ABCDE", amounts, strict=False)))

        found = shares_of(whole, split(("*", points, 0)))

        ours = {f"{whole}-{seller}": each for seller, each in zip("ABCDE", amounts, strict=False)}
        expected = oracle.shares(ours, points)
        house = expected.pop("")
        assert found == expected
        assert sum(found.values()) + house == sum(amounts)
        assert all(abs(found[name] * 10_000 - ours[name] * points) < 10_000 for name in found)


@pytest.mark.django_db
class TestRules:
    """A seller's own rule goes before anyone's."""

    @pytest.mark.parametrize(
        ("shares", "expected"),
        [
            ([("*", 8500, 0)], (850, 1700)),
            ([("*", 8500, 0), ("B", 9000, 0)], (850, 1800)),
            ([("*", 8500, -50)], (800, 1650)),
            ([("A", 0, 700), ("*", 10_000, 0)], (700, 2000)),
            ([("*", 0, 1500)], (1000, 1500)),  # never more than the sub-order's amount
            ([("*", 1000, -150)], (0, 50)),  # nor less than nothing
        ],
    )
    def test_in_percent_and_in_fixed_amounts(
        self, shares: list[tuple[str, int, int]], expected: tuple[int, int]
    ) -> None:
        """Ten and twenty euros."""
        rules()
        whole = family({"A": 1000, "B": 2000})

        assert tuple(shares_of(whole, split(*shares)).values()) == expected

    def test_three_thirds_of_a_cent_go_to_the_first_by_name(self) -> None:
        """Of 0.01 each at a third, one seller gets the cent; the house has the rest."""
        rules()
        whole = family({"C": 1, "A": 1, "B": 1})

        found = shares_of(whole, split(("*", 3333, 0)))

        assert {name[-1]: minor for name, minor in found.items()} == {"A": 1, "B": 0, "C": 0}

    def test_a_seller_without_a_rule_is_not_judged(self) -> None:
        """What nobody said of him cannot be broken."""
        rules()
        whole = family({"A": 1000, "B": 2000}, paid_out_minor=850)

        assert shares_of(whole, split(("A", 8500, 0))) == {f"{whole}-A": 850}


def tell(*, at: datetime = NOON) -> None:
    """Tell of an order of two sellers, all of it delivered: 10 euros of Acme's, 20 of Bolt's."""
    mugs, lamp = line("1", 2, 500), line("2", 1, 2000)
    place("W", at, total_minor=3000, lines=[mugs, lamp])
    place("W-A", at, parent="W", seller="Acme", total_minor=1000, lines=[mugs])
    place("W-B", at, parent="W", seller="Bolt", total_minor=2000, lines=[lamp])
    for part, each in (
        ("W-A", {"line": "1", "quantity": 2}),
        ("W-B", {"line": "2", "quantity": 1}),
    ):
        for type_ in ("shipment.shipped", "shipment.delivered"):
            say("carrier", type_, part, at, shipment=f"P-{part}", lines=[each])


def pay_out(part: str, amount_minor: int, at: datetime, *, payout: str = "") -> None:
    say("card-payments", "payout.paid", part, at, payout=payout or f"O-{part}-{amount_minor}",
        amount_minor=amount_minor, **EUR)  # fmt: skip


def settle(at: datetime) -> None:
    while apply.take(limit=5_000, at=at):
        pass
    reconcile.judge_all(at=at)


def decisions(part: str) -> list[tuple[str, int, int]]:
    rows = AuditEvent.objects.filter(
        stream="order", subject_id=the_order(part).pk, action__startswith="payout."
    )
    told = [
        (row.action, json.loads(bytes(row.body))["detail"]) for row in rows.order_by("sequence")
    ]
    return [(action, each["expected_minor"], each["actual_minor"]) for action, each in told]


def open_checks() -> set[tuple[str, str]]:
    found = Discrepancy.objects.filter(cleared_at__isnull=True, check_name__contains="p")
    return {
        (str(each.order), each.check_name)
        for each in found
        if each.check_name.startswith("payout") or each.check_name == "delivered_not_paid_out"
    }


@pytest.mark.django_db
class TestDecisions:
    """Each is on the trail of its sub-order, once."""

    def test_a_payout_is_awaited_then_matches(self) -> None:
        """And nothing is found meanwhile, nor said twice."""
        rules()
        tell()
        settle(later(hours=1))
        settle(later(hours=2))
        pay_out("W-A", 850, later(hours=30))
        settle(later(hours=31))
        settle(later(hours=80))

        assert decisions("W-A") == [("payout.awaited", 850, 0), ("payout.matches", 850, 850)]
        assert decisions("W-B") == [("payout.awaited", 1700, 0)]
        assert open_checks() == set()

    def test_the_rule_stands_beside_the_decision(self) -> None:
        """By check, version and share."""
        rules()
        tell()
        pay_out("W-A", 850, NOON)
        settle(later(hours=1))

        row = AuditEvent.objects.get(action="payout.matches")
        detail = json.loads(bytes(row.body))["detail"]
        assert row.rulebook_version == 1
        assert (detail["check"], detail["basis_points"], detail["what"]) == (
            "payout_vs_split", 8500, "Acme",
        )  # fmt: skip

    def test_too_little_waits_a_day_for_the_rest(self) -> None:
        """Then it is a difference, and holds again once the rest was paid."""
        rules()
        tell()
        pay_out("W-A", 800, NOON)
        settle(later(hours=23))
        assert open_checks() == set()

        settle(later(hours=24))
        assert open_checks() == {("W-A", "payout_vs_split")}

        pay_out("W-A", 50, later(hours=25))
        settle(later(hours=25))
        assert open_checks() == set()
        assert [action for action, *_ in decisions("W-A")] == [
            "payout.awaited", "payout.differs", "payout.matches",
        ]  # fmt: skip

    def test_too_much_is_a_difference_too(self) -> None:
        """By what it is too much."""
        rules()
        tell()
        pay_out("W-B", 1701, NOON)
        settle(later(hours=25))

        assert open_checks() == {("W-B", "payout_vs_split")}
        assert Discrepancy.objects.get(check_name="payout_vs_split").at_risk_minor == 1

    def test_a_payout_to_a_cancelled_part_is_one_difference(self) -> None:
        """Its share is nothing; the other seller's is what it was."""
        rules()
        tell()
        say("shop", "order.cancelled", "W-A", later(hours=1))
        for part, amount in (("W-A", 850), ("W-B", 1700)):
            pay_out(part, amount, later(hours=2))
        settle(later(hours=48))

        assert open_checks() == {("W-A", "payout_to_cancelled")}
        assert decisions("W-A") == [("payout.differs", 0, 850)]
        assert decisions("W-B") == [("payout.matches", 1700, 1700)]

    def test_a_seller_who_is_not_paid_in_time_is_missing_his_payout(self) -> None:
        """A week after what he sold has arrived."""
        rules()
        tell()
        settle(later(days=7) - timedelta(seconds=1))
        assert open_checks() == set()

        settle(later(days=7))

        assert open_checks() == {(part, "delivered_not_paid_out") for part in ("W-A", "W-B")}
        assert decisions("W-A") == [("payout.awaited", 850, 0), ("payout.missing", 850, 0)]


@pytest.mark.django_db
class TestParts:
    """Sub-orders add up to what they are parts of."""

    @pytest.mark.parametrize(
        ("amount", "is_cancelled", "expected"),
        [(3000, False, 0), (2999, False, 1), (1000, True, 0), (3000, True, 0), (2000, True, 1)],
    )
    def test_within_a_day(self, amount: int, is_cancelled: bool, expected: int) -> None:  # noqa: FBT001
        """A cancelled one counts unless the order was made smaller by it."""
        rules()
        tell()
        say("shop", "order.amended", "W", later(minutes=1), total_minor=amount,
            lines=[line("1", 2, 500), line("2", 1, 2000)])  # fmt: skip
        if is_cancelled:
            say("shop", "order.cancelled", "W-B", later(minutes=2))
        settle(later(hours=23))
        assert not Discrepancy.objects.filter(check_name="parts_vs_whole").exists()

        settle(later(hours=25))

        assert Discrepancy.objects.filter(check_name="parts_vs_whole").count() == expected

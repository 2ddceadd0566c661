"""The checks in SQL against the same checks in plain Python, on generated companies."""

import random

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as properties
from hypothesis import strategies as st

from reconciliation import checks, reconcile, rulebook
from reconciliation.models import Discrepancy
from tests.reconciliation import oracle
from tests.reconciliation.companies import build, odd_order, with_families
from tests.reconciliation.worlds import NOON, rules

pytestmark = pytest.mark.django_db


def company(seed: int, size: int = 500) -> dict[int, oracle.Order]:
    """Make a company by chance, the same for a seed."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    found = build([odd_order(dice.choice) for _ in range(size)], str(seed))
    return with_families(found, dice.choice)


@st.composite
def companies(draw: st.DrawFn) -> list[oracle.Order]:
    """Draw a few orders, so that a failure shrinks to one with next to nothing in it."""
    return [odd_order(lambda of: draw(st.sampled_from(of))) for _ in range(draw(st.integers(1, 4)))]


def in_sql(check: rulebook.Check, *, rules: rulebook.Rulebook) -> dict[int, oracle.Answer]:
    query = checks.compiled(check)
    days = checks.working_days(check, rules=rules, at=NOON)
    with connection.cursor() as cursor:
        cursor.execute(query.text, {**query.parameters, **days, "at": NOON})
        rows = cursor.fetchall()
    assert len({row[0] for row in rows}) == len(rows), "one row an order"
    return {row[0]: (row[1], row[2], row[5]) for row in rows if row[1] != "HOLDS"}


def in_python(name: str, orders: dict[int, oracle.Order]) -> dict[int, oracle.Answer]:
    told = {pk: oracle.CHECKS[name](order, NOON) for pk, order in orders.items()}
    return {pk: answer for pk, answer in told.items() if answer != oracle.HOLDS}


def test_the_oracle_knows_every_check_and_what_it_rests_on() -> None:
    live = rules()

    assert set(oracle.CHECKS) == {check.name for check in live.order_checks()}
    assert {check.name: set(check.rests_on) for check in live.order_checks()} == {
        name: set(oracle.RESTS_ON.get(name, ())) for name in oracle.CHECKS
    }
    assert {check.family for check in live.order_checks()} >= {
        "balance", "milestone", "conflict", "duplicate", "presence", "silence",
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_every_check_finds_what_the_oracle_finds(seed: int) -> None:
    live = rules()
    orders = company(seed)

    for check in live.order_checks():
        expected = in_python(check.name, orders)
        assert in_sql(check, rules=live) == expected, check.name
        assert expected, f"{check.name} was never put to the test"


@properties(
    max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(told=companies())
def test_a_pass_over_any_company_opens_what_the_oracle_says(told: list[oracle.Order]) -> None:
    with transaction.atomic():
        rules()
        orders = build(told, "drawn")

        reconcile.judge(order_ids=list(orders), at=NOON)

        expected = {pk: oracle.broken(order, NOON) for pk, order in orders.items()}
        assert opened(orders) == expected
        transaction.set_rollback(True)  # for the next example


def test_a_pass_opens_what_the_oracle_says_is_broken() -> None:
    rules()
    orders = company(99)

    counts = reconcile.judge_all(at=NOON)

    expected = {pk: oracle.broken(order, NOON) for pk, order in orders.items()}
    assert opened(orders) == expected
    assert counts.judged == len(orders)
    assert counts.broken == sum(1 for names in expected.values() if names)
    assert counts.judged == counts.holds + counts.waiting + counts.broken


def opened(orders: dict[int, oracle.Order]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {pk: set() for pk in orders}
    for pk, name in Discrepancy.objects.values_list("order_id", "check_name"):
        found[pk].add(name)
    return found

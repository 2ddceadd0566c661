"""A small instance of the long killing: `python -m tests.soak kills` does 100,000 orders."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import empty_all_tables
from tests.soak.killing import Found, compare, differences

ORDERS, WORKERS = 600, 4


@contextmanager
def fresh() -> Iterator[None]:
    """Use the test's own database, and leave it empty."""
    yield
    empty_all_tables()


@pytest.mark.timeout(300)
@pytest.mark.django_db(transaction=True)
def test_whoever_is_killed_nothing_is_done_twice_or_left() -> None:
    seed = secrets.randbelow(10**6)

    found = compare(
        Found(orders=ORDERS, workers=WORKERS, batch=100), fresh=fresh, pause=(0.2, 0.7), seed=seed
    )

    assert found.failures == [], f"seed {seed}: {found}"
    assert found.kills > 3
    assert found.counted["Event payment.captured APPLIED"] == ORDERS
    broken = sum(number for what, number in found.counted.items() if what.startswith("Case "))
    assert broken == ORDERS // 40 * 5


def test_a_thing_done_twice_makes_a_difference() -> None:
    assert differences({"Case": 2, "Entry": 1}, {"Case": 1, "Entry": 1}) == [
        "Case: 2 with kills, 1 undisturbed"
    ]

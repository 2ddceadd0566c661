"""What the comparison says of an order in one line: pure."""

from datetime import timedelta

import pytest

from exceptions.comparison import compare
from reconciliation.models import Order, Source
from tests.world import NOON

SYSTEMS = [Source(kind=kind, name=kind) for kind in ("shop", "billing", "payments", "marketplace")]
PAID = {"ordered_minor": 1000, "invoiced_minor": 1000, "paid_minor": 1000, "posted_minor": 1000}


@pytest.mark.parametrize(
    ("facts", "headline", "tone"),
    [
        ({}, "All systems agree", "ok"),
        ({"verdict": "WAITING"}, "All systems agree", "ok"),
        (
            {"verdict": "BROKEN"},
            "The systems agree with each other, and not with the rules",
            "warn",
        ),
        ({"settled_at": NOON, "settled_minor": 1000}, "All systems agree", "ok"),
        ({"settled_at": NOON, "settled_minor": 900}, "Amounts differ by €1.00", "bad"),
        # A provider may keep back what was taken from him: nothing says that it must.
        (
            {"settled_at": NOON, "settled_minor": 900, "disputed_minor": 100},
            "All systems agree",
            "ok",
        ),
    ],
)
def test_the_headline_says_the_largest_difference(
    facts: dict[str, object], headline: str, tone: str
) -> None:
    order = Order(currency="EUR", placed_at=NOON, paid_at=NOON + timedelta(1), **PAID, **facts)

    said = compare(order=order, sources=SYSTEMS)

    assert (said.headline, said.tone) == (headline, tone)


def test_a_settlement_is_not_compared_after_a_refund() -> None:
    refunded = {**PAID, "refunded_minor": 1000, "posted_minor": 0, "invoiced_minor": 0}
    order = Order(currency="EUR", settled_at=NOON, settled_minor=0, **refunded)

    fields = [row.field for row in compare(order=order, sources=SYSTEMS).differing]

    assert "Settlement" not in fields

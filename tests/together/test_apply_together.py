"""Several workers apply at once: nothing is lost, nothing counts twice."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import F

from audit.models import AuditEvent
from reconciliation import apply, placement
from reconciliation.models import Event, Order
from reconciliation.queries import positions_that_differ
from tests.world import NOON, place, say

ORDERS = 60


def tell_everything() -> None:
    """Let every order be placed, paid, billed and shipped, in any order."""
    said = []
    for number in range(ORDERS):
        name, money = f"O-{number}", {"amount_minor": 1000, "currency": "EUR"}
        shipped = {"shipment": f"S-{number}", "lines": [{"line": "1", "quantity": 1}]}
        said += [
            ("card-payments", "payment.captured", name, {"payment": f"P-{number}", **money}),
            ("billing", "invoice.issued", name, {"invoice": f"I-{number}", **money}),
            ("carrier", "shipment.shipped", name, shipped),
            ("shop", "order.created", name, {}),
            ("crm", "order.created", name, {}),
        ]
    random.Random(7).shuffle(said)  # noqa: S311
    for slug, type_, name, data in said:
        if type_ == "order.created":
            place(name, slug=slug)
        else:
            say(slug, type_, name, NOON, **data)  # type: ignore[arg-type]


def work(_number: int) -> int:
    """Take small batches until nothing is left, called again after each failure."""
    done, idle = 0, 0
    while idle < 3:
        try:
            count = apply.take(limit=7, at=NOON)
        except OperationalError:  # a deadlock: the batch comes again
            continue
        done += count
        idle = 0 if count else idle + 1
    connection.close()
    return done


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("installed")
def test_workers_at_the_same_orders_lose_nothing() -> None:
    tell_everything()

    with ThreadPoolExecutor(max_workers=4) as workers:
        list(workers.map(work, range(4)))
    apply.take(limit=5_000, at=NOON)  # what was parked just as its order came

    assert set(Event.objects.values_list("status", flat=True)) == {"APPLIED"}
    assert Order.objects.count() == ORDERS
    assert Order.objects.filter(state="BILLED", paid_minor=1000, version=3).count() == ORDERS
    assert positions_that_differ() == []
    moves = AuditEvent.objects.filter(stream="order").exclude(from_state="")
    assert moves.count() == 3 * ORDERS == Order.history.exclude(version=0).count()
    assert not moves.filter(from_state=F("to_state")).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("installed")
def test_an_order_told_of_by_two_systems_at_once_is_one_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place("O-1", slug="shop")
    place("O-1", slug="crm")
    placed = placement.place

    def place_second(*args: Any, **given: Any) -> dict[str, int]:  # noqa: ANN401
        """Let the other worker commit between our looking and our placing."""
        monkeypatch.setattr(placement, "place", placed)
        with ThreadPoolExecutor(max_workers=1) as workers:
            workers.submit(work, 0).result()
        return placed(*args, **given)

    monkeypatch.setattr(placement, "place", place_second)
    apply.take(limit=1, at=NOON)
    apply.take(limit=1, at=NOON)

    assert list(Order.objects.values_list("canonical_id", flat=True)) == ["O-1"]

"""Passes that run at once, and passes that crash: nothing judged twice, nothing lost."""

from collections.abc import Callable
from threading import Event as Signal
from threading import Thread

import pytest
from django.db import connection, transaction

from audit.models import AuditEvent
from reconciliation import reconcile
from reconciliation.models import Discrepancy, Order, Recheck, Run
from tests.reconciliation.worlds import HOUR, NOON, order, rules

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + 72 * HOUR


def unposted(count: int) -> list[Order]:
    rules()
    found = [
        order(f"A-{number}", paid_minor=5, ordered_minor=5, paid_at=NOON) for number in range(count)
    ]
    Recheck.objects.bulk_create(Recheck(order=each, due_at=NOON) for each in found)
    return found


def beside(work: Callable[[], None]) -> Thread:
    """Start `work` on a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    return thread


def test_what_one_worker_has_the_other_skips() -> None:
    unposted(5)
    has_taken, may_commit = Signal(), Signal()

    def slow() -> None:
        with transaction.atomic():
            reconcile.take(limit=3, at=LATER)
            has_taken.set()
            may_commit.wait(20)

    thread = beside(slow)
    assert has_taken.wait(20)
    mine = reconcile.take(limit=5, at=LATER)
    may_commit.set()
    thread.join(20)

    assert mine == 2
    assert sorted(Run.objects.values_list("judged", flat=True)) == [2, 3]
    assert Discrepancy.objects.count() == 5
    assert AuditEvent.objects.filter(action="discrepancy.opened").count() == 5


@transaction.atomic
def crashing() -> None:
    """Judge, and die before the commit."""
    reconcile.take(limit=3, at=LATER)
    raise RuntimeError


def test_a_pass_that_fails_leaves_everything_due() -> None:
    unposted(3)

    with pytest.raises(RuntimeError):
        crashing()

    assert (Discrepancy.objects.count(), Run.objects.count()) == (0, 0)
    assert Recheck.objects.filter(due_at__lte=LATER).count() == 3
    assert reconcile.take(limit=3, at=LATER) == 3


def test_one_connection_may_make_many_passes() -> None:
    unposted(3)

    assert [reconcile.take(limit=1, at=LATER) for _ in range(4)] == [1, 1, 1, 0]


def test_states_move_under_the_guards_with_their_trail() -> None:
    rules()
    mine = order(
        placed_at=NOON, confirmed_at=NOON, ordered_minor=5, invoiced_minor=5, invoiced_at=NOON,
        paid_minor=5, paid_at=NOON, posted_minor=5, posted_at=NOON,
    )  # fmt: skip
    reconcile.judge(order_ids=[mine.pk], at=NOON)
    Order.objects.filter(pk=mine.pk).update(paid_minor=1)
    reconcile.judge(order_ids=[mine.pk], at=LATER)

    assert Order.objects.get().state == "BILLED"
    assert list(
        AuditEvent.objects.filter(stream="order", subject_id=mine.pk)
        .order_by("sequence")
        .values_list("sequence", "action", "to_state")
    ) == [
        (1, "order.confirmed", "CONFIRMED"),
        (2, "order.fulfilled", "FULFILLED"),
        (3, "order.billed", "BILLED"),
        (4, "order.reconciled", "RECONCILED"),
        (5, "discrepancy.opened", ""),
        (6, "order.reconciliation_lost", "BILLED"),
    ]

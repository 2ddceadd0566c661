"""A pass over orders, beside the same writes by a hand that knows them, and by two other ways.

The floor (`floor.sql`) is one statement for each 10,000 orders, a transaction each as a pass has:
it is told which orders break and judges nothing. It writes what a pass writes: verdicts, moves with
a history row and an audit row each (by the trail's own statement), a discrepancy with its audit row
for each order that breaks, and the due marks, moved or taken away. It takes no locks before, and
the guards of orders and trail are off.

One by one, and by simple-history's helper, orders that hold are locked, moved with their audit row
and history and given their next due mark, guards on. Nobody judges there either.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from simple_history.utils import bulk_update_with_history

from audit.record import record, record_all, statement
from reconciliation import ledger, reconcile
from reconciliation.lifecycle import history_columns
from reconciliation.models import Order, Recheck, Run
from tests.benchmarks import orders as making
from tests.benchmarks.frame import Benchmark, Goal, Rates
from tests.benchmarks.workload import BEGINS_AT, settle_in

AT = BEGINS_AT + timedelta(days=30)
_APPLIED = 5_000  # at once, when totals are computed anew
_NAIVE, _BULK, _BULK_BATCH = 200, 3_000, 1_000  # orders a round, and what the helper takes at once
OURS, BOTH = "a pass", "a pass, and totals computed anew before it"
FLOOR, NAIVE, BULK = "the same writes, one statement", "one by one", "bulk update with history"
_ACTOR = "benchmark"
_NEXT = {"due_at": AT + timedelta(days=3), "reason": "closing"}


def play(orders: int, rounds: int) -> Iterator[Rates]:
    """Give each round orders of its own: as many to the pass as to the floor, samples to others."""
    settle_in()
    making.let_entries_stand_alone()
    each = max(1, orders // rounds)
    samples = [min(_NAIVE, each), min(_BULK, each)]
    ends = [0]
    for _ in range(rounds):
        for size in (each, each, *samples):
            ends.append(ends[-1] + size)
    making.make(after=0, until=ends[-1], at=AT)
    for number in range(rounds):
        bounds = ends[4 * number : 4 * number + 5]
        ours, floor, naive, bulk = pairwise(bounds)
        measures: list[Callable[[], Rates]] = [partial(_ours, *ours), partial(_floor, *floor)]
        if number % 2:  # so that a table that grows favours neither
            measures.reverse()
        rates = {what: rate for measure in measures for what, rate in measure().items()}
        rates |= {NAIVE: _naive(_due(*naive)), BULK: _bulk(_due(*bulk))}
        yield {what: rates[what] for what in (OURS, BOTH, FLOOR, NAIVE, BULK)}


def _ours(low: int, high: int) -> Rates:
    """Compute totals anew in batches as applying does, then judge all that is due."""
    began = time.perf_counter()
    for start in range(low, high, _APPLIED):
        with transaction.atomic():
            ledger.recompute(range(start + 1, min(start + _APPLIED, high) + 1))
    upkeep = time.perf_counter() - began
    making.make_due(after=low, until=high, at=AT)
    newest = Run.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    began = time.perf_counter()
    while reconcile.take(limit=reconcile.BATCH, at=AT):
        pass
    took = time.perf_counter() - began
    found = Run.objects.filter(pk__gt=newest).values_list("judged", "broken")
    assert sum(judged for judged, _ in found) == high - low, "not every order was judged"
    assert sum(broken for _, broken in found) == making.planted(after=low, until=high)
    return {OURS: (high - low) / took, BOTH: (high - low) / (took + upkeep)}


def _floor(low: int, high: int) -> Rates:
    making.make_due(after=low, until=high, at=AT)
    text = _floor_sql()
    with making.unguarded(), connection.cursor() as cursor:
        began = time.perf_counter()
        for start in range(low, high, reconcile.BATCH):
            cursor.execute(
                text,
                {
                    "low": start,
                    "high": min(start + reconcile.BATCH, high),
                    "at": AT,
                    "actor": _ACTOR,
                },
            )
        return {FLOOR: (high - low) / (time.perf_counter() - began)}


def _floor_sql() -> str:
    return Path(__file__).with_name("floor.sql").read_text().format(
        breaks=making.BREAKS.format(key="id"),
        columns=", ".join(history_columns()),
        record=statement("given"),
    )  # fmt: skip


def _due(low: int, high: int) -> list[int]:
    """Have the orders that hold be due; each way gives them their next mark."""
    making.make_due(after=low, until=high, at=AT)
    broken = [pk for pk in range(low + 1, high + 1) if making.planted(after=pk - 1, until=pk)]
    Recheck.objects.filter(pk__in=broken).delete()
    return sorted(set(range(low + 1, high + 1)) - set(broken))


def _naive(order_ids: Sequence[int]) -> float:
    began = time.perf_counter()
    for order_id in order_ids:
        with transaction.atomic():
            order = Order.objects.select_for_update().get(pk=order_id)
            record(**_move(order))
            order.save(update_fields=["state", "version", "verdict", "reconciled_at"])
            Recheck.objects.filter(pk=order_id).update(**_NEXT)
    return len(order_ids) / (time.perf_counter() - began)


def _bulk(order_ids: Sequence[int]) -> float:
    began = time.perf_counter()
    for start in range(0, len(order_ids), _BULK_BATCH):
        with transaction.atomic():
            chosen = Order.objects.select_for_update().order_by("pk")
            held = list(chosen.filter(pk__in=order_ids[start : start + _BULK_BATCH]))
            record_all([_move(order) for order in held])
            bulk_update_with_history(
                held, Order, ["state", "version", "verdict", "reconciled_at"], _BULK_BATCH
            )
            Recheck.objects.filter(pk__in=[order.pk for order in held]).update(**_NEXT)
    return len(order_ids) / (time.perf_counter() - began)


def _move(order: Order) -> dict[str, Any]:
    """Take an order one move on, and say what the trail must."""
    from_state = order.state
    order.verdict = Order.Verdict.HOLDS
    order.reconcile()
    order.version += 1
    order.reconciled_at = AT
    return {
        "stream": "order",
        "subject_id": order.pk,
        "action": "order.reconciled",
        "actor": _ACTOR,
        "at": AT,
        "from_state": from_state,
        "to_state": order.state,
    }


RECONCILE = Benchmark(
    "orders",
    play,
    (
        Goal(OURS, FLOOR, 0.5),
        Goal(OURS, NAIVE, 100),
        Goal(OURS, BULK, 8),
        Goal(BOTH, NAIVE, 50),
        Goal(BOTH, BULK, 3),
    ),
)

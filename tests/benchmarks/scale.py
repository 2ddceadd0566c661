"""A pass over ten times as many orders, in the same memory; a few dirty ones among them."""

import time
from collections.abc import Iterator

import psutil
from django.db import connection

from reconciliation import reconcile
from reconciliation.models import Order
from tests.benchmarks import orders as making
from tests.benchmarks.frame import Benchmark, Goal, Rates
from tests.benchmarks.passes import AT
from tests.benchmarks.workload import settle_in

_TIMES = 10
_DIRTY = 1_000  # one order in so many
FEW, MANY = "a pass over a tenth", "a pass over all"
AFRESH = "all kept up to date by the dirty ones"
FEW_MEMORY, MANY_MEMORY = "memory of the pass over a tenth", "memory of the pass over all"


def play(orders: int, rounds: int) -> Iterator[Rates]:
    """Measure once, for the orders must be there: rounds would only repeat the same."""
    settle_in()
    making.let_entries_stand_alone()
    few = max(1, orders // _TIMES)
    making.make(after=0, until=few, at=AT)
    small, small_memory = few / _seconds_of_pass(after=0), _memory()
    making.make(after=few, until=max(orders, few + 1), at=AT)
    count = Order.objects.count()
    large, large_memory = (count - few) / _seconds_of_pass(after=few), _memory()
    rates = {
        FEW: small,
        MANY: large,
        AFRESH: count / _seconds_of_dirty(count),
        FEW_MEMORY: small_memory,
        MANY_MEMORY: large_memory,
    }
    for _ in range(rounds):
        yield rates


def _seconds_of_pass(*, after: int) -> float:
    """Judge every order by key, as the nightly pass does, step by step."""
    began, last = time.perf_counter(), after
    following = Order.objects.order_by("pk").values_list("pk", flat=True)
    while ids := list(following.filter(pk__gt=last)[: reconcile.BATCH]):
        reconcile.judge(order_ids=ids, at=AT)
        last = ids[-1]
    return time.perf_counter() - began


def _seconds_of_dirty(count: int) -> float:
    """Judge a few orders, far from one another, that new facts have made due."""
    dirty = list(range(1, count + 1, _DIRTY))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reconciliation_recheck AS known (order_id, due_at, reason)"
            " SELECT dirty.id, %s, '' FROM unnest(%s::bigint[]) AS dirty (id)"
            " ON CONFLICT (order_id) DO UPDATE SET due_at = excluded.due_at",
            [AT, dirty],
        )
    judged, began = 0, time.perf_counter()
    while taken := reconcile.take(limit=reconcile.BATCH, at=AT):
        judged += taken
    assert judged == len(dirty), "not what was dirty was judged"
    return time.perf_counter() - began


def _memory() -> float:
    return float(psutil.Process().memory_info().rss) / 1_000_000


SCALE = Benchmark(
    "orders",
    play,
    (
        Goal(MANY, FEW, 1 / 1.5),
        Goal(AFRESH, MANY, 100),
        Goal(FEW_MEMORY, MANY_MEMORY, 0.8),
    ),
    units={FEW_MEMORY: "MB", MANY_MEMORY: "MB"},
)

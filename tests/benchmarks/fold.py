"""Folding stored events into orders, beside storing them, and beside the same fold as bare SQL."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from psycopg import sql

from audit.record import statement
from config.demo.telling import Delivery
from reconciliation import apply, ingest, validate
from reconciliation.lifecycle import history_columns
from reconciliation.models import Event, Order, Source
from tests.benchmarks.frame import Benchmark, Goal, Rates
from tests.benchmarks.workload import batches, ends_at, rounds_of, settle_in

_BATCH = 5_000
FOLD, STORE, BARE = "folding stored events", "storing them only", "the same fold as bare SQL"


def play(orders: int, rounds: int) -> Iterator[Rates]:
    """Tell each round's first half for the product to fold, the other half for bare SQL."""
    settle_in()
    sources = {source.slug: source for source in Source.objects.all()}
    ways: list[tuple[str, Callable[[datetime], int]]] = [(FOLD, _fold), (BARE, _fold_barely)]
    for number, told in enumerate(rounds_of(orders, rounds * len(ways))):
        if number % len(ways) == 0:
            rates: dict[str, float] = {STORE: 0}
            ways.reverse()  # so that a table that grows favours neither
        what, fold = ways[number % len(ways)]
        rates[STORE] += _store(told, sources) / len(ways)
        at, began = ends_at(told), time.perf_counter()
        folded = fold(at)
        rates[what] = folded / (time.perf_counter() - began)
        assert folded == len(told), "not every event was folded"
        if len(rates) > len(ways):
            yield {what: rates[what] for what in (FOLD, STORE, BARE)}


def _store(told: Sequence[Delivery], sources: dict[str, Source]) -> float:
    """Read, check and store messages as they come in; gives events a second."""
    began = time.perf_counter()
    for batch in batches(told, _BATCH):
        for slug, source in sources.items():
            messages = [validate.structured(each.body) for each in batch if each.sender == slug]
            if messages:
                ingest.store(source=source, messages=messages, at=ends_at(told))
    return len(told) / (time.perf_counter() - began)


def _fold(at: datetime) -> int:
    folded = 0
    while count := apply.take(limit=_BATCH, at=at):
        folded += count
    return folded


def _fold_barely(at: datetime) -> int:
    statements, folded = _statements(), 0
    with connection.cursor() as cursor:
        while count := min(_BATCH, Event.objects.filter(status="RECEIVED").count()):
            with transaction.atomic():
                for one in statements:
                    cursor.execute(one, {"at": at})
            folded += count
    return folded


def _statements() -> list[str]:
    columns = [field for field in Order._meta.concrete_fields if not field.primary_key]
    given = {"canonical_id": "batch.name", "currency": "batch.data ->> 'currency'"}
    others = [name for name in history_columns() if name not in {"state", "version"}]
    text = Path(__file__).with_name("fold.sql").read_text()
    written = text.format(
        order_columns=", ".join(str(field.column) for field in columns),
        order_defaults=", ".join(
            given.get(str(field.column)) or _literal(field.get_default()) for field in columns
        ),
        record_given=statement("given"),
        history_columns=", ".join(history_columns()),
        moved_columns=", ".join(others),
        moved_values=", ".join(f"orders.{name}" for name in others),
    )
    return [each for each in written.split(";\n") if each.strip()]


def _literal(value: Any) -> str:  # noqa: ANN401 - any column's default
    return sql.Literal(str(value) if isinstance(value, str) else value).as_string()


APPLY = Benchmark("events", play, (Goal(FOLD, STORE, 0.3), Goal(FOLD, BARE, 0.5)))

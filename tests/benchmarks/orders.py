"""Orders by the million for what judges them, made at once with their entries and positions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, connections, transaction
from psycopg import sql

from reconciliation.models import Order

_BATCH = 50_000
# Which of eight checks an order breaks, by its key: three in a hundred break one.
BREAKS = "CASE WHEN {key} * 7919 %% 1000 < 30 THEN {key} * 7919 %% 1000 %% 8 END"
_GUARDED = ("reconciliation_order", "audit_auditevent")
_VALUES = {
    "canonical_id": "'o' || told.number",
    "state": "'BILLED'",
    "version": "3",
    "currency": "'EUR'",
    "ordered_minor": "told.total",
    "invoiced_minor": "told.invoiced",
    "paid_minor": "told.paid",
    "refunded_minor": "told.refunded",
    "posted_minor": "CASE WHEN told.breaks IS DISTINCT FROM 2 THEN told.paid ELSE 0 END",
    "to_ship_quantity": "told.to_ship",
    "to_activate_quantity": "told.activates::integer",
    "shipped_quantity": "told.shipped",
    "recorded_quantity": "told.recorded",
    "is_active": "told.activates",
    "placed_at": "told.first_at",
    "confirmed_at": "CASE WHEN told.breaks IN (0, 4) THEN told.first_at + interval '1 hour' END",
    "invoiced_at": "told.first_at + interval '2 hours'",
    "paid_at": "CASE WHEN told.paid > 0 THEN told.first_at + interval '3 hours' END",
    "refunded_at": "CASE WHEN told.refunded > 0 THEN told.first_at + interval '5 hours' END",
    "posted_at": "CASE WHEN told.paid > 0 AND told.breaks IS DISTINCT FROM 2"
    " THEN told.first_at + interval '6 hours' END",
    "shipped_at": "CASE WHEN told.shipped > 0 THEN told.first_at + interval '7 hours' END",
    "recorded_at": "CASE WHEN told.recorded > 0 THEN told.first_at + interval '8 hours' END",
    "activated_at": "CASE WHEN told.activates THEN told.first_at + interval '9 hours' END",
    "last_fact_at": "told.first_at + CASE WHEN told.activates THEN 9 WHEN told.recorded > 0 THEN 8"
    " WHEN told.shipped > 0 THEN 7 WHEN told.breaks = 2 THEN 3 ELSE 6 END * interval '1 hour'",
}


def make(*, after: int, until: int, at: datetime) -> None:
    """Make the orders of these numbers, which are their keys, with entries and lines."""
    statements = _statements()
    with unguarded(), connection.cursor() as cursor:
        for low in range(after, until, _BATCH):
            with transaction.atomic():
                for statement in statements:
                    cursor.execute(
                        statement, {"low": low, "high": min(until, low + _BATCH), "at": at}
                    )
    _as_owner("VACUUM ANALYZE")


def let_entries_stand_alone() -> None:
    """Let entries be without the events that no pass reads."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid = 'reconciliation_entry'::regclass"
        )
        names = [name for (name,) in cursor.fetchall()]
    for name in names:
        _as_owner(
            sql.SQL("ALTER TABLE reconciliation_entry DROP CONSTRAINT {}").format(
                sql.Identifier(name)
            )
        )


def make_due(*, after: int, until: int, at: datetime) -> None:
    """Have these orders due for judgement, as applying their events does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reconciliation_recheck (order_id, due_at, reason)"
            " SELECT id, %s, '' FROM reconciliation_order WHERE id > %s AND id <= %s",
            [at, after, until],
        )


@contextmanager
def unguarded() -> Iterator[None]:
    """Take the guards off orders and trail."""
    _switch("DISABLE")
    try:
        yield
    finally:
        _switch("ENABLE")


def planted(*, after: int, until: int) -> int:
    """Count the orders among these numbers that break a check."""
    return sum(number * 7919 % 1000 < 30 for number in range(after + 1, until + 1))


def _statements() -> list[str]:
    columns = [field for field in Order._meta.concrete_fields if not field.primary_key]
    text = Path(__file__).with_name("orders.sql").read_text()
    written = text.format(
        breaks=BREAKS.format(key="numbers.number"),
        order_columns=", ".join(str(field.column) for field in columns),
        order_values=", ".join(
            _VALUES.get(str(field.column)) or _literal(field.get_default()) for field in columns
        ),
    )
    return [each for each in written.split(";\n") if each.strip()]


def _literal(value: Any) -> str:  # noqa: ANN401 - any column's default
    return sql.Literal(str(value) if isinstance(value, str) else value).as_string()


def _switch(word: str) -> None:
    for table in _GUARDED:
        _as_owner(sql.SQL("ALTER TABLE {} {} TRIGGER USER").format(
            sql.Identifier(table), sql.SQL(word)
        ))  # fmt: skip


def _as_owner(statement: str | sql.Composable) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement)
    connections["owner"].close()

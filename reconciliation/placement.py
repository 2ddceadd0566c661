"""Makes orders that a source has told of; what is known of them follows from entries."""

from collections.abc import Container, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.db import connection
from psycopg import sql

from audit.record import statement
from reconciliation.lifecycle import history_columns
from reconciliation.models import Order
from reconciliation.sql import array, load


class Placement(NamedTuple):
    """One order to be made, as the event that first tells of it gives it."""

    name: str
    event_id: int
    source_id: int
    source_slug: str
    currency: str
    parent_id: int | None


def place(
    placements: Sequence[Placement], *, taken: Container[str], actor: str, at: datetime
) -> dict[str, int]:
    """Make each order; gives their keys by the source's name for them.

    The canonical ID is that name, or `source:name` where it is among those `taken` by another
    order. Raises IntegrityError if somebody else has taken one since: then look again.
    """
    if not placements:
        return {}
    called = {
        placement.name
        if placement.name not in taken
        else f"{placement.source_slug}:{placement.name}"[:64]: placement
        for placement in placements
    }
    made = _insert_orders(called)
    _insert_details(called, made)
    _record(called, made, actor=actor, at=at)
    return {placement.name: made[canonical_id] for canonical_id, placement in called.items()}


def remember_beginning(order_ids: Sequence[int], *, at: datetime) -> None:
    """Write the first history row of new orders, once their totals stand."""
    if not order_ids:
        return
    columns = ", ".join(history_columns())
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO reconciliation_historicalorder ({columns}, history_date,"  # noqa: S608
            " history_type, history_change_reason)"
            f" SELECT {columns}, %s, '+', 'order.created'"
            " FROM reconciliation_order WHERE id = ANY(%s::bigint[]) ORDER BY id",
            [at, array(order_ids)],
        )


@cache
def _insert_sql() -> str:
    """Write the INSERT of orders; Django keeps defaults in Python, and here they are named."""
    given = {"id", "canonical_id", "currency", "parent_id"}
    others = [field for field in Order._meta.concrete_fields if field.column not in given]
    columns = ", ".join(str(field.column) for field in others)
    defaults = ", ".join(_literal(field.get_default()) for field in others)
    return (
        f"INSERT INTO reconciliation_order (canonical_id, currency, parent_id, {columns})"  # noqa: S608
        f" SELECT orders.*, {defaults}"
        " FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS orders"
        " RETURNING canonical_id, id"
    )


def _insert_orders(called: dict[str, Placement]) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            _insert_sql(),
            [
                array(called),
                array(placement.currency for placement in called.values()),
                array(placement.parent_id for placement in called.values()),
            ],
        )
        return dict(cursor.fetchall())


def _insert_details(called: dict[str, Placement], made: dict[str, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO reconciliation_orderdetail (
                order_id, source_id, customer_key, customer_name, channel, seller
            )
            SELECT given.*, '', '', '', ''
            FROM unnest(%s::bigint[], %s::bigint[]) AS given
            """,
            [
                array(made[canonical_id] for canonical_id in called),
                array(placement.source_id for placement in called.values()),
            ],
        )


def _record(
    called: dict[str, Placement], made: dict[str, int], *, actor: str, at: datetime
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            load("record_placements").format(record=statement("given")),
            {
                "order_ids": array(made[canonical_id] for canonical_id in called),
                "event_ids": array(placement.event_id for placement in called.values()),
                "called": array(called),
                "actor": actor,
                "at": at,
            },
        )


def _literal(value: Any) -> str:  # noqa: ANN401 - any column's default
    return sql.Literal(str(value) if isinstance(value, str) else value).as_string()

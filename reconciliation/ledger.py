"""Keeps entries, and the lines and totals that follow from them, a set of orders at a time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.db import connection

from reconciliation.money import exponent_sql
from reconciliation.normalise import Draft
from reconciliation.sql import array, load

# What of an order's row is a function of its entries and lines, and of nothing else.
COLUMNS = (
    "part_count", "currency", "ordered_minor", "invoiced_minor", "credited_minor",
    "authorised_minor", "paid_minor", "refunded_minor", "disputed_minor", "fee_minor",
    "posted_minor", "settled_gross_minor", "settled_minor", "paid_out_minor", "written_off_minor",
    "to_ship_quantity", "to_activate_quantity", "unshipped_quantity", "shipped_quantity",
    "delivered_quantity", "returned_quantity", "recorded_quantity", "is_active", "placed_at",
    "confirmed_at", "cancelled_at", "invoiced_at", "paid_at", "payment_failed_at", "refunded_at",
    "posted_at", "settled_at", "settling_since_at", "unconverted_since_at", "paid_out_at",
    "shipped_at", "delivered_at", "returned_at", "recorded_at", "activated_at", "deactivated_at",
    "last_fact_at",
)  # fmt: skip
_TOUCHED = (
    "SELECT orders.id AS order_id, orders.currency FROM reconciliation_order AS orders"
    " WHERE orders.id = ANY(%(order_ids)s::bigint[])"
)


class Posting(NamedTuple):
    """One entry and where it belongs."""

    order_id: int
    event_id: int
    number: int
    occurred_at: datetime
    draft: Draft


class Reversal(NamedTuple):
    """One correction that takes back what another event put on an order."""

    order_id: int
    correction_id: int
    reversed_id: int


def add_entries(postings: Sequence[Posting]) -> None:
    """Put entries on their orders, whose locks the caller holds."""
    if not postings:
        return
    columns = {
        "order_id": array(posting.order_id for posting in postings),
        "event_id": array(posting.event_id for posting in postings),
        "number": array(posting.number for posting in postings),
        "occurred_at": array(posting.occurred_at for posting in postings),
    }
    drafts = zip(*(posting.draft for posting in postings), strict=True)
    columns |= zip(Draft._fields, map(array, drafts), strict=True)
    _run(load("add_entries"), columns)


def next_numbers(event_ids: Sequence[int]) -> dict[int, int]:
    """Give the next free number among the entries of each event that has made some."""
    if not event_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event_id, max(number) + 1 FROM reconciliation_entry"
            " WHERE event_id = ANY(%s::bigint[]) GROUP BY event_id",
            [array(event_ids)],
        )
        return dict(cursor.fetchall())


def reverse_entries(reversals: Sequence[Reversal]) -> None:
    """Take back what events put on their orders, whose locks the caller holds."""
    if not reversals:
        return
    columns = dict(zip(Reversal._fields, map(array, zip(*reversals, strict=True)), strict=True))
    _run(load("reverse_entries"), columns)


def rewrite_lines(order_ids: Sequence[int]) -> None:
    """Write lines and what is shown of these orders anew, from the statement that is believed."""
    if not order_ids:
        return
    asked = {"order_ids": array(order_ids)}
    _run(_statement("rewrite_details"), asked)
    _run(_clear_sql("reconciliation_orderline"), asked)
    _run(_statement("add_lines"), asked)


def family_of(order_ids: Sequence[int]) -> dict[int, int]:
    """Give every sub-order and whole of the families that these belong to, each with its whole.

    An order that is no part and has none is not among them.
    """
    if not order_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(load("family_members"), {"order_ids": array(order_ids)})
        return {order_id: whole_id for order_id, whole_id, _ in cursor.fetchall()}


def recompute(order_ids: Sequence[int]) -> None:
    """Write totals and milestones anew from all entries, those of whole families where there are.

    What is new is not judged yet. The caller holds the locks of the orders and of their families.
    """
    if not order_ids:
        return
    families = family_of(order_ids)
    if families:
        _run(_recompute_families_sql(), {"order_ids": array(set(families.values()))})
    foreign = [order_id for order_id in order_ids if order_id in families]
    if alone := [order_id for order_id in order_ids if order_id not in families]:
        foreign += _recompute_alone(alone)
    _run(_clear_sql("reconciliation_ordertotal"), {"order_ids": array(order_ids)})
    if foreign:
        _run(_add_foreign_sql(), {"order_ids": array(foreign)})


def _recompute_alone(order_ids: Sequence[int]) -> list[int]:
    """Write what orders without parts come to; gives those with money in other currencies.

    Few have any, and only these are computed once more at the rates of their settlements.
    """
    with connection.cursor() as cursor:
        cursor.execute(_recompute_sql(), {"order_ids": array(order_ids)})
        foreign = [order_id for order_id, has_foreign in cursor.fetchall() if has_foreign]
    if foreign:
        _run(_recompute_foreign_sql(), {"order_ids": array(foreign)})
    return foreign


def position_sql(*, scope: str) -> str:
    """Write the SELECT that computes positions of orders without parts.

    `scope` is SQL that gives order_id and currency. What is in other currencies is converted.
    """
    return _position(scope, counted=load("counted"))


def amounts_of_settlements_sql(*, scope: str) -> str:
    """Write the SELECT of what settlements have said of an order."""
    return _of_foreign("settlement_amounts", scope)


def foreign_totals_differ_sql(*, scope: str) -> str:
    """Write the SELECT of orders whose foreign totals are not what their entries come to."""
    asked = "SELECT asked.order_id, asked.currency FROM asked"
    return load("foreign_totals_differ").format(
        scope=scope, foreign_totals=_of_foreign("foreign_totals", asked)
    )


def family_position_sql(*, members: str) -> str:
    """Write the SELECT that computes positions of families.

    `members` is SQL that gives order_id, whole_id and currency.
    """
    counted = load("family_counted").format(counted=load("counted"))
    position = _position("SELECT members.order_id, members.currency FROM members", counted=counted)
    return load("family_position").format(members=members, position=position)


def every_position_sql(*, scope: str) -> str:
    """Write the SELECT that computes positions of orders of any kind; `scope` gives order_id."""
    columns = ", ".join(COLUMNS)
    return load("every_position").format(
        columns=columns,
        scope=scope,
        alone=position_sql(scope="SELECT alone.order_id, alone.currency FROM alone"),
        families=family_position_sql(members=load("family_scope")),
    )


def _position(scope: str, *, counted: str) -> str:
    return load("position").format(
        scope=scope,
        counted=counted,
        ordered=load("ordered"),
        conversions=load("converted_too").format(converted=_converted()),
        valued="valued",
    )


def _position_without_rates(scope: str) -> str:
    return load("position").format(
        scope=scope,
        counted=load("counted"),
        ordered=load("ordered"),
        conversions="",
        valued="own",
    )


@cache
def _recompute_sql() -> str:
    # The orders are named again, so that no plan reads every order there is.
    return (
        f"{_write_sql(_position_without_rates(_TOUCHED))}"
        " AND orders.id = ANY(%(order_ids)s::bigint[])"
        " RETURNING orders.id, positions.has_foreign"
    )


@cache
def _recompute_foreign_sql() -> str:
    return (
        f"{_write_sql(position_sql(scope=_TOUCHED))} AND orders.id = ANY(%(order_ids)s::bigint[])"
    )


@cache
def _recompute_families_sql() -> str:
    return _write_sql(family_position_sql(members=load("family_members")))


def _write_sql(positions: str) -> str:
    settings = ", ".join(f"{name} = positions.{name}" for name in COLUMNS)
    return (
        "UPDATE reconciliation_order AS orders"  # noqa: S608 - built from this module's constants
        f" SET verdict = 'UNJUDGED', {settings}"
        f" FROM ({positions}) AS positions"
        " WHERE orders.id = positions.order_id"
    )


def _clear_sql(table: str) -> str:
    return f"DELETE FROM {table} WHERE order_id = ANY(%(order_ids)s::bigint[])"  # noqa: S608


@cache
def _statement(name: str) -> str:
    """Fill what all of these statements read."""
    return load(name).format(scope=_TOUCHED, counted=load("counted"), ordered=load("ordered"))


@cache
def _add_foreign_sql() -> str:
    return (
        "INSERT INTO reconciliation_ordertotal (order_id, kind, currency, amount_minor, own_minor)"
        f" {_of_foreign('foreign_totals', _TOUCHED)}"
    )


def _of_foreign(name: str, scope: str) -> str:
    return load(name).format(
        scope=scope,
        counted=load("counted"),
        foreign_own=load("foreign_own"),
        converted=_converted(),
    )


def _converted() -> str:
    """Write the SELECT that puts foreign amounts into their orders' currencies."""
    return load("converted").format(
        rate=load("rate").format(),
        exponent_of_order=exponent_sql("own.own_currency"),
        exponent_of_amount=exponent_sql("own.currency"),
    )


def _run(statement: str, parameters: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)

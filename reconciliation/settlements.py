"""Tells what the settlements of an order have said: pending or final, gross, fee, net and rate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

from django.db import connection

from reconciliation import rulebook
from reconciliation.ledger import amounts_of_settlements_sql
from reconciliation.models import Event, Order
from reconciliation.working_time import end_of_business_days

LATE = "late_settlement"  # the check that says how long a settlement may take
_SCOPE = (
    "SELECT orders.id AS order_id, orders.currency FROM reconciliation_order AS orders"
    " WHERE orders.id = %(order_id)s"
)


class Amount(NamedTuple):
    """One amount in the settlement's currency and in the order's; None where no rate is known."""

    minor: int
    own_minor: int | None


@dataclass(frozen=True)
class Settlement:
    """One settlement as its newest word has it."""

    reference: str
    payment: str
    is_final: bool
    at: datetime  # since when it is pending or final
    currency: str
    rate: str  # as stated: units of this currency for one of the payment's
    gross: Amount
    fee: Amount
    net: Amount
    event: Event

    @property
    def withheld_minor(self) -> int:
        """Give what is missing between gross, fee and net."""
        return self.gross.minor - self.fee.minor - self.net.minor


class _Row(NamedTuple):
    event_id: int
    kind: str
    reference: str
    currency: str
    amount_minor: int
    own_minor: int | None
    occurred_at: datetime


def settlements_of(order: Order) -> list[Settlement]:
    """List the settlements of an order, the oldest first; a final word stands for a pending one."""
    with connection.cursor() as cursor:
        cursor.execute(_amounts_sql(), {"order_id": order.pk})
        rows = [_Row(*row) for row in cursor.fetchall()]
    events = Event.objects.select_related("source").in_bulk({row.event_id for row in rows})
    told: dict[str, Settlement] = {}
    for event_id, amounts in groupby(rows, key=lambda row: row.event_id):
        each = _settlement(list(amounts), events[event_id])
        known = told.get(each.reference)
        if known is None or each.is_final or not known.is_final:
            told[each.reference] = each
    return list(told.values())


def due_at(settlement: Settlement) -> datetime | None:
    """Say until when a pending settlement may take; None where no rule says so."""
    rules = rulebook.live()
    check = next((each for each in rules.checks if each.name == LATE), None)
    if check is None or "business_days" not in check.parameters:
        return None
    return end_of_business_days(
        since=settlement.at,
        days=check.parameters["business_days"],
        hours=rules.calendar(check.parameters["calendar"]),
    )


@cache
def _amounts_sql() -> str:
    return amounts_of_settlements_sql(scope=_SCOPE)


def _settlement(rows: Sequence[_Row], event: Event) -> Settlement:
    is_final = event.type == "settlement.finalised"
    data: dict[str, Any] = event.data
    known = dict(_amounts(rows))
    gross, fee = int(data.get("gross_minor", 0)), int(data.get("fee_minor", 0))
    return Settlement(
        reference=rows[0].reference,
        payment=str(data.get("payment", "")),
        is_final=is_final,
        at=rows[0].occurred_at,
        currency=rows[0].currency,
        rate=str(data.get("rate") or ""),
        gross=known.get("SETTLED_GROSS", Amount(gross, None)),
        fee=known.get("FEE", Amount(fee, None if fee else 0)),
        net=known.get("SETTLED", known.get("SETTLING", Amount(0, None))),
        event=event,
    )


def _amounts(rows: Sequence[_Row]) -> Iterator[tuple[str, Amount]]:
    for row in rows:
        # What is announced is worth nothing yet: its rate may still change.
        own_minor = None if row.kind == "SETTLING" else row.own_minor
        yield row.kind, Amount(row.amount_minor, own_minor)

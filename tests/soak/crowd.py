"""A company of many orders, told at once, and all that must be the same however it was worked."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Count, F, Max, Model, Q, QuerySet

from audit.models import AuditEvent
from config import invariants
from exceptions.models import Case
from reconciliation.models import Discrepancy, Entry, Event, Order, Recheck
from reconciliation.queries import positions_that_differ
from tests.exceptions.people import install_product
from tests.world import NOON, line

TOLD_AT = NOON
JUDGED_AT = NOON + timedelta(days=5)  # when what is missing is no longer awaited
AT = {"apply": TOLD_AT, "reconcile": JUDGED_AT, "intake": JUDGED_AT}  # by stage
_MONEY = {"amount_minor": 1000, "currency": "EUR"}
_HOLD = (
    "orders_off_position", "orders_off_trail", "orders_off_history", "states_undeclared",
    "guards_lifted", "discrepancies_without_case",
)  # fmt: skip
_ORDERS_AT_ONCE = 10_000  # as in production, where a question may take some seconds only
# What is counted, by which columns: a thing done twice, or not at all, makes other numbers.
_COUNTED: Mapping[type[Model], tuple[str, ...]] = {
    Event: ("type", "status"),
    Entry: ("kind",),
    Order: ("state", "verdict", "version"),
    Order.history.model: ("history_type", "state", "version"),
    Discrepancy: ("check_name", "cleared_at"),
    Case: ("check_name", "state", "version"),
    Case.history.model: ("history_type", "check_name", "state"),
    AuditEvent: ("stream", "action", "from_state", "to_state"),
}


def tell(*, orders: int, at: datetime = TOLD_AT) -> None:
    """Install the product and have all that the systems say of so many orders received."""
    install_product()
    placed = {"currency": "EUR", "total_minor": 1000, "confirmed": True, "lines": [line()]}
    parcel = {"lines": [{"line": "1", "quantity": 1}]}
    with connection.cursor() as cursor:
        cursor.execute(
            Path(__file__).with_name("crowd.sql").read_text(),
            {
                "orders": orders,
                "at": at,
                "placed": json.dumps(placed),
                "money": json.dumps(_MONEY),
                "lines": json.dumps(parcel),
            },
        )
        cursor.execute("ANALYZE reconciliation_event")


def long_ago() -> datetime:
    """Give a moment whose windows are over by the true clock."""
    return datetime.now(UTC) - timedelta(days=5)


def is_waiting(stage: str) -> bool:
    """Tell whether a stage has work left."""
    return _WAITING[stage]().exists()


def outcome() -> dict[str, int]:
    """Count everything that was made of it, kind by kind."""
    found = {}
    for model, columns in _COUNTED.items():
        rows = model._default_manager.values_list(*columns).annotate(Count("pk")).order_by()
        for *values, number in rows:
            found[" ".join([model.__name__, *map(str, values)])] = number
    return found


def wrong() -> list[str]:
    """Say what is left over, done twice or at odds with itself."""
    left = [f"{stage} has work left" for stage in _WAITING if is_waiting(stage)]
    newest = Order.objects.aggregate(Max("pk"))["pk__max"] or 0
    at_odds = {
        finding.sentence
        for low in range(0, newest + 1, _ORDERS_AT_ONCE)
        for finding in invariants.check(
            at=JUDGED_AT, low=low, high=low + _ORDERS_AT_ONCE, names=_HOLD
        )
        if not finding.holds
    }
    twice = AuditEvent.objects.filter(stream="order", from_state=F("to_state")).exclude(
        from_state=""
    )
    return [
        *left,
        *sorted(at_odds),
        *(["an order moved to where it stood"] if twice.exists() else []),
        *(["totals differ from their entries"] if positions_that_differ() else []),
    ]


def _received() -> QuerySet[Any]:
    return Event.objects.filter(Q(status="RECEIVED") | Q(status="PARKED"))


def _due() -> QuerySet[Any]:
    return Recheck.objects.filter(due_at__lte=JUDGED_AT)


def _without_case() -> QuerySet[Any]:
    return Discrepancy.objects.filter(cleared_at__isnull=True, case__isnull=True)


_WAITING = {"apply": _received, "reconcile": _due, "intake": _without_case}

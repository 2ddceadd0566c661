"""A crowd of open cases, for what must stay quick among very many."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, connections
from django.db.models import Model
from psycopg import sql

from exceptions import clocks, sla
from exceptions.models import Case
from reconciliation import rulebook
from reconciliation.models import Order, Source, Team

_BATCH = 50_000
_GUARDED = ("reconciliation_order", "exceptions_case")
_CHECKS = ("paid_not_posted", "shipped_not_recorded", "invoice_sent_not_active", "paid_twice")
_ORDER = {
    "canonical_id": "'CROWD-' || %(first)s + n",
    "currency": "'EUR'",
    "ordered_minor": "5000",
}
_CASE = {
    "discrepancy_id": "id",
    "check_name": "check_name",
    "order_id": "order_id",
    "team_id": "team_id",
    "at_risk_minor": "at_risk_minor",
    "currency": "currency",
    "severity": "'P' || 1 + id %% 3",
    "rulebook_version": "1",
    "recommended_repair": "'post_payment'",
    "clock_plan_id": "%(clock_plan_id)s",
    "opened_at": "opened_at",
    "respond_due_at": "opened_at + interval '1 hour'",
    "resolve_due_at": "opened_at + interval '2 days'",
    "changed_at": "opened_at",
}


def make(many: int, *, at: datetime) -> None:
    """Make `many` open cases, each of an order of its own, and let PostgreSQL look at them."""
    with _unguarded(), connection.cursor() as cursor:
        for first in range(0, many, _BATCH):
            given: dict[str, Any] = {
                "first": first,
                "many": min(_BATCH, many - first),
                "at": at,
                "shop_id": Source.objects.get(slug="shop").pk,
                "teams": list(Team.objects.order_by("pk").values_list("pk", flat=True)),
                "checks": list(_CHECKS),
                "clock_plan_id": _plan_id(),
            }
            cursor.execute(_statement(), given)
    _as_owner("ANALYZE")


def close_all_but(many: int, *, at: datetime) -> None:
    """Close every case but the `many` that were made last, over the sixty days before `at`."""
    with _unguarded(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE exceptions_case
            SET state = 'SETTLED', closed_by = 'service:crowd', next_escalation_at = NULL,
                closed_at = %s - interval '1 minute' * (id %% 86400)
            WHERE id <= (SELECT max(id) FROM exceptions_case) - %s
            """,
            [at, many],
        )
    _as_owner("VACUUM ANALYZE exceptions_case")


def _plan_id() -> int:
    """Keep the plan that all of them are timed by."""
    team = Team.objects.select_related("calendar").order_by("pk")[0]
    plan = sla.plan_of(
        rules=rulebook.live(),
        severity="P2",
        check=_CHECKS[0],
        team=team.slug,
        team_hours=sla.hours_of(team.calendar),
    )
    return clocks.pin(plan).pk


@contextmanager
def _unguarded() -> Iterator[None]:
    """Take the guards off meanwhile: these rows have no history, and are nobody's."""
    for table in _GUARDED:
        _as_owner(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    for table in _GUARDED:
        _as_owner(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def _as_owner(statement: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement)


def _statement() -> str:
    orders, cases = _columns(Order, _ORDER), _columns(Case, _CASE)
    return (
        Path(__file__)
        .with_name("crowd.sql")
        .read_text()
        .format(
            order_columns=", ".join(orders),
            order_values=", ".join(orders.values()),
            case_columns=", ".join(cases),
            case_values=", ".join(cases.values()),
        )
    )


def _columns(model: type[Model], given: Mapping[str, str]) -> dict[str, str]:
    """Give every column and what goes into it: what is given, or the default of its field."""
    return {
        str(field.column): given.get(str(field.column)) or _literal(field.get_default())
        for field in model._meta.concrete_fields
        if not field.primary_key
    }


def _literal(value: Any) -> str:  # noqa: ANN401 - any column's default
    said = sql.Literal(str(value) if isinstance(value, str) else value).as_string()
    return said.replace("%", "%%")

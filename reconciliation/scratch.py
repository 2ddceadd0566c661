"""Gives the product's own verbs a scratch copy to work on, which nothing outside ever sees.

Inside it every table that applying and judging write is an empty temporary table of the same name,
and PostgreSQL looks there first. The verbs run unchanged and cannot reach a live row; at the end
a savepoint takes everything back, and with it whatever they meant to do after commit.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection, transaction
from psycopg import sql

# What apply and reconcile write. A test fails if they write to any other table.
_ORDERS = (
    "reconciliation_order", "reconciliation_orderdetail", "reconciliation_orderline",
    "reconciliation_ordertotal", "reconciliation_entry", "reconciliation_alias",
    "reconciliation_recheck", "reconciliation_discrepancy", "reconciliation_waiver",
    "reconciliation_historicalorder",
)  # fmt: skip
_OTHERS = ("reconciliation_event", "reconciliation_subjectdata", "audit_auditevent")
TWINS = (*_ORDERS, *_OTHERS)
# Rows made in the scratch copy are numbered from here on, so that no number means a live row too.
FIRST_ID = 4_000_000_000_000_000_000
_NUMBERED = ("reconciliation_order", "reconciliation_entry", "reconciliation_alias")


@contextmanager
def scratch_copy() -> Iterator[None]:
    """Let the names of TWINS mean empty tables of this transaction alone, and undo it all."""
    with transaction.atomic():
        point = transaction.savepoint()
        try:
            _make(TWINS)
            yield
        finally:
            transaction.savepoint_rollback(point)


def empty(tables: Sequence[str] = _ORDERS) -> None:
    """Empty scratch tables; live ones cannot be reached by this."""
    names = sql.SQL(", ").join(sql.Identifier("pg_temp", table) for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("TRUNCATE {}").format(names))


def _make(tables: Sequence[str]) -> None:
    # Said anew each time: a plan made for the live tables is thrown away when the path changes.
    statements: list[sql.Composable] = [sql.SQL("SET LOCAL search_path = pg_temp, public")]
    statements += [
        sql.SQL(
            "CREATE TEMPORARY TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING IDENTITY"
            " INCLUDING INDEXES INCLUDING CONSTRAINTS) ON COMMIT DROP"
        ).format(sql.Identifier(table), sql.Identifier("public", table))
        for table in tables
    ]
    statements += [
        sql.SQL("ALTER TABLE {} ALTER COLUMN id RESTART WITH {}").format(
            sql.Identifier("pg_temp", table), sql.Literal(FIRST_ID)
        )
        for table in _NUMBERED
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("; ").join(statements))

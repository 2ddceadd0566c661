"""Questions about what reconciliation holds."""

from functools import cache

from django.db import connection

from reconciliation.ledger import COLUMNS, every_position_sql, foreign_totals_differ_sql


def positions_that_differ(*, limit: int = 100) -> list[str]:
    """Name orders whose totals are not what their entries come to: there should be none."""
    with connection.cursor() as cursor:
        cursor.execute(_differing_sql(), {"limit": limit})
        return [canonical_id for (canonical_id,) in cursor.fetchall()]


@cache
def _differing_sql() -> str:
    scope = "SELECT every.id AS order_id FROM reconciliation_order AS every"
    held = ", ".join(f"orders.{name}" for name in COLUMNS)
    computed = ", ".join(f"positions.{name}" for name in COLUMNS)
    return (
        f"SELECT orders.canonical_id FROM reconciliation_order AS orders"  # noqa: S608
        f" JOIN ({every_position_sql(scope=scope)}) AS positions ON positions.order_id = orders.id"
        f" WHERE ROW({held}) IS DISTINCT FROM ROW({computed})"
        f" OR orders.id IN ({foreign_totals_differ_sql(scope=scope)})"
        " ORDER BY orders.id LIMIT %(limit)s"
    )

"""PostgreSQL's own guards over orders, written from the machine's declarations.

Migrations hold the text frozen; `guards_that_differ` says where database and code disagree.
"""

from django.db import connection

from reconciliation.machine import declared_moves
from reconciliation.models import Order
from reconciliation.sql import load

# The function guards everyone, whoever writes. Its query is run by EXECUTE, so that it is planned
# for the set at hand: a static one keeps the plan of its first, small calls.
NAMES = ("order_guard_update", "order_guard_insert", "order_guard_delete")


def function_body(name: str) -> str:
    """Write the body of one guard function."""
    if name != "order_guard_update":
        return load(name)
    pairs = sorted({(str(move.source), str(move.target)) for move in declared_moves(Order)})
    declared = ", ".join(f"('{source}', '{target}')" for source, target in pairs)
    return load(name).format(declared=declared)


def guards_that_differ() -> list[str]:
    """Name the guards that the database lacks, has disabled, or has in another wording."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT functions.proname, functions.prosrc
            FROM pg_proc AS functions
            JOIN pg_trigger AS triggers ON triggers.tgfoid = functions.oid
            WHERE triggers.tgrelid = 'reconciliation_order'::regclass AND triggers.tgenabled = 'O'
            """
        )
        known = dict(cursor.fetchall())
    return [name for name in NAMES if known.get(name) != function_body(name)]

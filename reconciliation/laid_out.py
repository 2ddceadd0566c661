"""What a batch of a pass works on: orders as they stand, laid out so that checks read them fast."""

from functools import cache

from django.db import models

from reconciliation.models import Order
from reconciliation.sql import load

# PostgreSQL reads a row from the left: what most checks ask for comes first, text last.
_FIRST = (models.DateTimeField, models.IntegerField, models.ForeignKey)


@cache
def tables() -> str:
    """Write the statements that make the batch's tables, or empty them."""
    return load("pass_tables").format(columns=_columns())


@cache
def orders() -> str:
    """Write the statement that lays out the orders of %(order_ids)s, a bigint[]."""
    return load("pass_orders").format(columns=_columns())


def _columns() -> str:
    def place(field: models.Field) -> int:  # type: ignore[type-arg]
        return next((n for n, kind in enumerate(_FIRST) if isinstance(field, kind)), len(_FIRST))

    return ", ".join(str(field.column) for field in sorted(Order._meta.concrete_fields, key=place))

"""Gets results out: rows of orders and discrepancies, as JSON lines or CSV, streamed."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from reconciliation.models import Discrepancy, Order

Row = Mapping[str, Any]
_CHUNK = 2_000
_RUNS_IN_A_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r")


def orders() -> Iterator[dict[str, Any]]:
    """Stream every order with its totals, oldest first."""
    names = {
        "parent__canonical_id": "parent",
        "merged_into__canonical_id": "merged_into",
        "detail__customer_name": "customer",
        "detail__channel": "channel",
        "detail__source__slug": "source",
    }
    own = [
        field.attname for field in Order._meta.concrete_fields if field.name not in names.values()
    ]
    return stream(Order.objects.order_by("pk").values(*own, *names), names=names)


def discrepancies() -> Iterator[dict[str, Any]]:
    """Stream every discrepancy, open or cleared, oldest first."""
    names = {"order__canonical_id": "order", "source__slug": "source", "team__slug": "team"}
    rows = Discrepancy.objects.order_by("pk").values(
        "id", "check_name", "rulebook_version", "event_id", "rejection_id", "writeback_id",
        "expected_minor", "actual_minor", "at_risk_minor", "currency", "details", "opened_at",
        "last_seen_at", "cleared_at", *names,
    )  # fmt: skip
    return stream(rows, names=names)


def stream(
    rows: "QuerySet[Any, dict[str, Any]]", *, names: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Give rows one by one without holding them all, some columns under another name."""
    for row in rows.iterator(chunk_size=_CHUNK):
        yield {names.get(name, name): value for name, value in row.items()}


def as_json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Write each row as one line of JSON; moments in ISO 8601, amounts in minor units."""
    for row in rows:
        yield json.dumps(row, default=_plain, ensure_ascii=False) + "\n"


def as_csv(rows: Iterable[Row]) -> Iterator[str]:
    """Write rows as CSV under a line of their names, which are those of the first row."""
    line = io.StringIO()
    writer = csv.writer(line)
    for number, row in enumerate(rows):
        if number == 0:
            writer.writerow(row)
        writer.writerow([cell(value) for value in row.values()])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def cell(value: object) -> str | int | float:
    """Write one value for a cell of CSV.

    Text that a spreadsheet would run as a formula gets a ' in front. Numbers stay as they are.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    text = "" if value is None else _text(value)
    return f"'{text}" if text.startswith(_RUNS_IN_A_SPREADSHEET) else text


def _text(value: object) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return str(_plain(value))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

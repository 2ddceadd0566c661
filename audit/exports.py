"""Writes the trail's rows for other programs: a spreadsheet, or one JSON object a line."""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from audit.models import AuditEvent
from audit.presenters import words
from audit.record import record

COLUMNS = (
    "id", "stream", "subject_id", "sequence", "at", "recorded_at", "actor", "action", "words",
    "from_state", "to_state", "reason", "cause_event_id", "rulebook_version",
)  # fmt: skip
# What a spreadsheet takes for the beginning of a formula.
_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n")


class _Line:
    """Hands each line on as soon as it is written."""

    def write(self, line: str) -> str:
        return line


def inert(value: object) -> object:
    """Keep a spreadsheet from running a cell: text that looks like a formula gets a quote first."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_ACTIVE) else value


def as_csv(rows: Iterable[AuditEvent]) -> Iterator[str]:
    """Write a header and one line a row."""
    writer = csv.writer(_Line())
    yield _written(writer, COLUMNS)
    for row in rows:
        yield _written(writer, [inert(value) for value in _cells(row).values()])


def as_jsonl(rows: Iterable[AuditEvent]) -> Iterator[str]:
    """Write one object a line, with the body as it was sealed.

    `id`, `transaction_id` and `body` are what the row's leaf in the tree is the hash of.
    """
    for row in rows:
        whole = {
            **_cells(row),
            "transaction_id": int(row.transaction_id),
            "body": bytes(row.body).decode(),
        }
        yield json.dumps(whole, ensure_ascii=False) + "\n"


@transaction.atomic
def note_export(*, what: str, how: str, filters: dict[str, Any], by: User, at: datetime) -> None:
    """Put on the trail who took what out of the product."""
    User.objects.select_for_update().get(pk=by.pk)
    record(
        stream="access",
        subject_id=by.pk,
        action="access.exported",
        actor=by.get_username(),
        at=at,
        detail={"what": what, "format": how, "filters": filters},
    )


def _cells(row: AuditEvent) -> dict[str, Any]:
    cells = {name: getattr(row, name, None) for name in COLUMNS}
    cells["at"], cells["recorded_at"] = row.at.isoformat(), row.recorded_at.isoformat()
    cells["words"] = words(
        action=row.action,
        from_state=row.from_state,
        to_state=row.to_state,
        reason=row.reason,
        detail=json.loads(bytes(row.body)).get("detail"),
    )
    return cells


def _written(writer: Any, cells: Iterable[object]) -> str:  # noqa: ANN401 - csv has no type
    line = writer.writerow(cells)
    assert isinstance(line, str)
    return line

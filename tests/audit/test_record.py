"""The trail's rows."""

import json
from datetime import UTC, datetime

import pytest

from audit.models import AuditEvent
from audit.record import record

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_a_subjects_rows_are_numbered_without_a_gap() -> None:
    for action in ("case.opened", "case.claimed"):
        record(stream="case", subject_id=7, action=action, actor="alice", at=NOON)

    rows = AuditEvent.objects.filter(stream="case", subject_id=7).order_by("sequence")

    assert [(row.sequence, row.action) for row in rows] == [(1, "case.opened"), (2, "case.claimed")]
    assert json.loads(bytes(rows[0].body))["actor"] == "alice"

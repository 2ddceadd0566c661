"""The watchdog: finds what has gone quiet or is late, and tells the platform's owners once."""

from datetime import datetime
from typing import NamedTuple

import structlog
from django.contrib.auth.models import User
from django.db import connection, transaction

from exceptions.models import Message
from exceptions.watchdog import overdue_steps
from reconciliation import heartbeat
from reconciliation.models import Heartbeat

COMPONENT = "loop:watch"
_QUIET = """
SELECT expected.component
FROM unnest(%s::text[]) AS expected (component)
LEFT JOIN reconciliation_heartbeat AS heard ON heard.component = expected.component
WHERE heard.at IS NULL OR heard.at < clock_timestamp() - interval '60 seconds'
ORDER BY expected.component
"""
_LATE = """
SELECT
    (SELECT count(*) FROM reconciliation_event AS events
        WHERE events.status = 'RECEIVED'
            AND events.recorded_at < clock_timestamp() - interval '5 minutes') AS not_applied,
    (SELECT count(*) FROM reconciliation_writeback AS owed
        WHERE owed.state IN ('DUE', 'SENDING', 'UNKNOWN')
            AND owed.next_attempt_at < %(at)s - interval '10 minutes') AS not_sent
"""
_log = structlog.get_logger(__name__)


class Problem(NamedTuple):
    """One thing that is not as it should be."""

    name: str
    sentence: str


def take(*, limit: int, at: datetime) -> int:
    """Look at everything once; says how many problems are new since the last look.

    Tells at most `limit` platform owners of each.
    """
    known = Heartbeat.objects.filter(component=COMPONENT).values_list("details", flat=True).first()
    before = {problem["name"] for problem in (known or {}).get("problems", [])}
    problems = look(at=at)
    new = [problem for problem in problems if problem.name not in before]
    with transaction.atomic():
        for problem in new:
            _log.error("watch.problem", problem=problem.name, sentence=problem.sentence)
            _tell(problem, limit=limit, at=at)
        heartbeat.beat(
            component=COMPONENT, details={"problems": [problem._asdict() for problem in problems]}
        )
    return len(new)


def look(*, at: datetime) -> list[Problem]:
    """Find what is quiet by the true clock, and what is late as of `at`."""
    expected = ["beat", "worker", "loop:escalate", "loop:seal"]
    with connection.cursor() as cursor:
        cursor.execute(_QUIET, [expected])
        problems = [
            Problem(f"quiet:{component}", f"No sign of life from {component} for a minute.")
            for (component,) in cursor.fetchall()
        ]
        cursor.execute(_LATE, {"at": at})
        not_applied, not_sent = cursor.fetchone()
    not_escalated = len(overdue_steps(at=at))
    late = (
        Problem("late:apply", f"{not_applied:,} events wait longer than 5 minutes to be applied."),
        Problem("late:escalate", f"{not_escalated:,} escalation steps should have fired."),
        Problem("late:writeback", f"{not_sent:,} write-backs are 10 minutes late."),
    )
    counts = (not_applied, not_escalated, not_sent)
    return problems + [problem for problem, count in zip(late, counts, strict=True) if count]


def _tell(problem: Problem, *, limit: int, at: datetime) -> None:
    owners = User.objects.filter(groups__name="Platform owner", is_active=True).order_by("pk")
    Message.objects.bulk_create(
        Message(
            recipient=owner,
            subject=problem.sentence,
            text=f"{problem.sentence} See the health page.",
            next_attempt_at=at,
            created_at=at,
        )
        for owner in owners[:limit]
    )

"""The watchdog: finds what has gone quiet or is late, and tells the platform's owners once."""

from datetime import datetime
from typing import NamedTuple

import structlog
from django.contrib.auth.models import User
from django.db import connection, transaction

from config import invariants
from exceptions import messages, preferences
from reconciliation import heartbeat, silent
from reconciliation.models import Heartbeat

COMPONENT = "loop:watch"
_QUIET = """
SELECT expected.component
FROM unnest(%s::text[]) AS expected (component)
LEFT JOIN reconciliation_heartbeat AS heard ON heard.component = expected.component
WHERE heard.at IS NULL OR heard.at < clock_timestamp() - interval '60 seconds'
ORDER BY expected.component
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
    problems = look()
    new = [problem for problem in problems if problem.name not in before]
    with transaction.atomic():
        for problem in new:
            _log.error("watch.problem", problem=problem.name, sentence=problem.sentence)
            _tell(problem, limit=limit, at=at)
        heartbeat.beat(
            component=COMPONENT, details={"problems": [problem._asdict() for problem in problems]}
        )
    return len(new)


def look() -> list[Problem]:
    """Find what is quiet by the true clock, which sources are, and what the invariants found."""
    expected = ["beat", "worker", "loop:escalate", "loop:seal"]
    with connection.cursor() as cursor:
        cursor.execute(_QUIET, [expected])
        problems = [
            Problem(f"quiet:{component}", f"No sign of life from {component} for a minute.")
            for (component,) in cursor.fetchall()
        ]
    problems += [
        Problem(f"silent:{source.slug}", f"{source.name} is silent.") for source in silent.sources()
    ]
    findings, _ = invariants.last_findings()
    return problems + [
        Problem(f"invariant:{finding.name}", finding.sentence)
        for finding in findings
        if not finding.holds
    ]


def _tell(problem: Problem, *, limit: int, at: datetime) -> None:
    owners = User.objects.filter(groups__name="Platform owner", is_active=True).order_by("pk")
    messages.address(
        list(owners[:limit]),
        subject=problem.sentence,
        text=f"{problem.sentence} See the health page.",
        severity=preferences.URGENT,  # an alarm sleeps through nobody's quiet hours
        at=at,
    )

"""Finds escalation steps that should have fired and did not, by the rows alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from exceptions.models import Case

_GRACE = timedelta(seconds=60)


@dataclass(frozen=True)
class OverdueStep:
    """A case whose next step is late."""

    case_id: int
    due_at: datetime
    late: timedelta


def overdue_steps(*, at: datetime, limit: int = 100) -> list[OverdueStep]:
    """List open cases whose next step was due more than a minute before `at`, latest first."""
    found = (
        Case.objects.filter(next_escalation_at__lt=at - _GRACE, closed_at__isnull=True)
        .order_by("next_escalation_at")
        .values_list("pk", "next_escalation_at")[:limit]
    )
    return [
        OverdueStep(case_id=case_id, due_at=due_at, late=at - due_at)
        for case_id, due_at in found
        if due_at is not None
    ]

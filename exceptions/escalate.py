"""Sweeps the clocks: fires each escalation step once, on time or said to be late."""

from datetime import datetime

from django.db import transaction

from exceptions import messages
from exceptions.clocks import steps_of
from exceptions.models import Case
from exceptions.sla import StepTime
from reconciliation import one_by_one

ACTOR = "service:escalate"


def take(*, limit: int, at: datetime) -> int:
    """Fire the steps of up to `limit` cases that are due; says how many cases."""
    due = Case.objects.filter(next_escalation_at__lte=at).order_by("next_escalation_at")
    ids = one_by_one.line_up(due, stage="escalate", limit=limit)
    return one_by_one.do(stage="escalate", ids=ids, each=lambda pk: _escalate(case_id=pk, at=at))


@transaction.atomic
def _escalate(*, case_id: int, at: datetime) -> bool:
    """Fire every due step of one case that has not fired, and set when the next is due."""
    case = _lock_if_free(case_id)
    if case is None or case.next_escalation_at is None or case.next_escalation_at > at:
        return False
    if not case.is_open:
        Case.objects.filter(pk=case.pk).update(next_escalation_at=None)
        return True
    fired = set(case.escalations.values_list("step", flat=True))
    waiting = [step for step in steps_of(case) if step.number not in fired]
    for step in waiting:
        if step.due_at <= at:
            messages.fire(case=case, step=step, why=_why(case, step), actor=ACTOR, at=at)
    later = [step.due_at for step in waiting if step.due_at > at]
    case.next_escalation_at = min(later, default=None)
    # Only the clock moved: a person's form on this case stays good, so no version and no history.
    Case.objects.filter(pk=case.pk).update(next_escalation_at=case.next_escalation_at)
    return True


def _why(case: Case, step: StepTime) -> str:
    """Say why people hear of it now."""
    if case.resolve_due_at is not None and step.due_at >= case.resolve_due_at:
        return "over SLA"
    if step.to == messages.EXECUTIVE:
        return "opened"
    return f"due {case.resolve_due_at:%H:%M on %d %b} (UTC)"


def _lock_if_free(case_id: int) -> Case | None:
    return (
        Case.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("team__calendar", "owner", "order", "clock_plan")
        .filter(pk=case_id)
        .first()
    )

"""Wakes what was laid aside: its moment has come, or what it waits for was heard of."""

from datetime import datetime

from django.db import transaction

from exceptions import messages, snoozes
from exceptions.desk import keep
from exceptions.models import Case, Snooze
from exceptions.snoozes import Heard
from reconciliation import one_by_one

ACTOR = "service:wake"
_OVER = "the snooze is over"


def take(*, limit: int, at: datetime) -> int:
    """Wake up to `limit` cases by what was heard, and as many by the clock; says how many."""
    met = {each.case_id: each for each in snoozes.heard(limit=limit)}
    asleep = Case.objects.filter(state=Case.State.WAITING, snoozed_until__lte=at)
    over = one_by_one.line_up(asleep.order_by("snoozed_until"), stage="wake", limit=limit)
    return one_by_one.do(
        stage="wake", ids=list(met), each=lambda pk: _wake(case_id=pk, met=met[pk], at=at)
    ) + one_by_one.do(stage="wake", ids=over, each=lambda pk: _wake(case_id=pk, met=None, at=at))


@transaction.atomic
def _wake(*, case_id: int, met: Heard | None, at: datetime) -> bool:
    case = (
        Case.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("team", "owner")
        .filter(pk=case_id, state=Case.State.WAITING)
        .first()
    )
    if case is None or (met is None and (case.snoozed_until is None or case.snoozed_until > at)):
        return False
    why = met.why if met else _OVER
    if met is not None:
        Snooze.objects.filter(case=case, ended_at__isnull=True).update(woken_by=met.event_id)
    case.wake()
    keep(
        case,
        action="case.woken",
        words=f"woke it: {why}",
        actor=ACTOR,
        at=at,
        from_state=Case.State.WAITING,
        reason=f"{why[0].upper()}{why[1:]}.",
        cause_event_id=met.event_id if met else None,
    )
    if case.owner is not None:
        messages.tell(
            case=case,
            to=messages.OWNER,
            subject=f"Exception #{case.pk} woke: {why}",
            text=f"{case.severity}, {case.team.name}.",
            at=at,
        )
    return True

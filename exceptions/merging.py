"""Puts exceptions together that are about the same, and takes them apart again.

A merged case leaves the queue and follows its target: dismissed with it, and back in the queue
where the target is settled and its own check is still broken. Its history, comments and clocks
stay its own.
"""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from audit.record import record
from exceptions import ownership
from exceptions.alike import family
from exceptions.desk import check_goes_on, check_unchanged, keep, locked
from exceptions.models import Case, Handoff
from exceptions.permissions import NotAllowed, check_can_work, visible_cases
from reconciliation import one_by_one

ACTOR = "service:merging"


class CannotMerge(ownership.Cannot):
    """These two are not the same, or one is closed; the message may be shown."""


@transaction.atomic
def merge(
    *, case_id: int, into_id: int, by: User, at: datetime, version: int | None = None
) -> Case:
    """Put a case to another open one of the same order or the same cause.

    What was merged into it goes along. Raises CannotMerge, NotAllowed, Conflict.
    """
    check_can_work(by, Case.objects.select_related("team").get(pk=case_id))
    if case_id == into_id:
        raise CannotMerge("An exception cannot be merged into itself. Nothing changed.")
    if not visible_cases(by).filter(pk=into_id).exists():
        raise CannotMerge(f"There is no exception #{into_id}. Nothing changed.")
    both = {pk: locked(pk) for pk in sorted((case_id, into_id))}
    case, target = both[case_id], both[into_id]
    check_can_work(by, case)
    check_can_work(by, target)
    check_goes_on(case)
    check_unchanged(case, version=version)
    _check_same(case, target)
    for each in [case, *_followers(case)]:
        _put(each, target, by=by, at=at)
    _tell(target, action="case.absorbed", what=f"#{case.pk}", by=by, at=at)
    return case


@transaction.atomic
def separate(*, case_id: int, by: User, at: datetime, version: int | None = None) -> Case:
    """Take a merged case apart again: it is back in the queue with its own clocks.

    Raises CannotMerge if it is not merged, NotAllowed, Conflict.
    """
    case = locked(case_id)
    check_can_work(by, case)
    check_unchanged(case, version=version)
    if case.merged_into_id is None:
        raise CannotMerge("It is not merged into another. Nothing changed.")
    _take_apart(case, actor=by.username, reason="", at=at)
    return case


def take(*, limit: int, at: datetime) -> int:
    """Let merged cases follow targets that were closed; says how many."""
    left = Case.objects.filter(closed_at__isnull=True, merged_into__closed_at__isnull=False)
    ids = one_by_one.line_up(left.order_by("pk"), stage="merged", limit=limit)
    return one_by_one.do(stage="merged", ids=ids, each=lambda pk: _follow(case_id=pk, at=at))


@transaction.atomic
def _follow(*, case_id: int, at: datetime) -> bool:
    case = locked(case_id)
    target = case.merged_into
    if target is None or not case.is_open or target.is_open:
        return False
    by = User.objects.filter(username=target.closed_by).first()
    if target.state == Case.State.DISMISSED and by is not None:
        try:
            with transaction.atomic():
                reason = f"With exception #{target.pk}: {target.close_reason}"
                ownership.dismiss(case_id=case_id, reason=reason, by=by, at=at)
        except (ownership.Cannot, NotAllowed):
            pass  # it is put back where people see it
        else:
            return True
    why = f"Exception #{target.pk} is closed, and the check of this one is still broken."
    _take_apart(case, actor=ACTOR, reason=why, at=at)
    return True


def _check_same(case: Case, target: Case) -> None:
    if not case.is_open or not target.is_open:
        raise CannotMerge("One of them is closed. Nothing changed.")
    if target.merged_into_id is not None:
        raise CannotMerge(f"#{target.pk} is merged into #{target.merged_into_id} itself.")
    if case.state == Case.State.VERIFYING:
        raise CannotMerge("It is repaired, and waits for its check. Nothing changed.")
    if case.handoffs.filter(state=Handoff.State.WAITING).exists():
        raise CannotMerge(
            "It is handed to another team, and waits for the answer. Nothing changed."
        )
    is_one_cause = case.cause and case.cause == target.cause
    is_one_family = case.order_id is not None and family(case).filter(cases=target).exists()
    if not is_one_cause and not is_one_family:
        raise CannotMerge("They are of different orders and causes. Nothing changed.")


def _followers(case: Case) -> list[Case]:
    ids = Case.objects.filter(merged_into=case, closed_at__isnull=True).values_list("pk", flat=True)
    return [locked(pk) for pk in ids.order_by("pk")]


def _put(case: Case, target: Case, *, by: User, at: datetime) -> None:
    case.merged_into = target
    case.next_escalation_at = case.next_automatic_at = None
    keep(
        case,
        action="case.merged",
        words=f"merged it into #{target.pk}",
        actor=by.username,
        at=at,
        from_state=case.state,
        detail={"into": target.pk, "what": f"#{target.pk}"},
    )


def _take_apart(case: Case, *, actor: str, reason: str, at: datetime) -> None:
    target_id = case.merged_into_id
    case.merged_into = None
    case.next_escalation_at = at  # the sweep finds the step that is next by its own clock
    keep(
        case,
        action="case.separated",
        words=f"took it apart from #{target_id}",
        actor=actor,
        at=at,
        from_state=case.state,
        reason=reason,
        detail={"from": target_id, "what": f"#{target_id}"},
    )


def _tell(target: Case, *, action: str, what: str, by: User, at: datetime) -> None:
    record(
        stream="case",
        subject_id=target.pk,
        action=action,
        actor=by.username,
        at=at,
        from_state=target.state,
        to_state=target.state,
        detail={"what": what},
    )

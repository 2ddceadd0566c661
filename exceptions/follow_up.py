"""Sees repairs through: what came of the write-back or the correction, and whether it held."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from exceptions import attempts, clocks, dealing, messages, sla
from exceptions.desk import keep
from exceptions.models import Case, RepairAttempt
from reconciliation import one_by_one, rulebook, writeback
from reconciliation.models import Event, Recheck, WriteBack

_RUNNING, _UNDOING = RepairAttempt.State.RUNNING, RepairAttempt.State.UNDOING
_RETRY_MINUTES = (10, 60)  # before the second and the third automatic try
_CONFIRM_WITHIN = timedelta(hours=1)
_MORE_URGENT = {"P3": "P2", "P2": "P1", "P1": "P1"}

# A write-back that is delivered, or will not be by itself any more.
_OVER = Q(state__in=["DELIVERED", "COMPENSATED", "FAILED", "SUPERSEDED"]) | Q(
    state="UNKNOWN", next_attempt_at__isnull=True
)


def take(*, limit: int, at: datetime) -> int:
    """Note what came of up to `limit` repairs; says how many."""
    over = WriteBack.objects.filter(_OVER).values("pk")
    applied = Event.objects.filter(status__in=["APPLIED", "DUPLICATE", "QUARANTINED"]).values("pk")
    running = RepairAttempt.objects.filter(state=_RUNNING).filter(
        Q(writeback__in=over) | Q(correction__in=applied)
    )
    undoing = RepairAttempt.objects.filter(state=_UNDOING)
    cases = dict(
        [
            *running.order_by("pk").values_list("pk", "case_id")[:limit],
            *undoing.order_by("pk").values_list("pk", "case_id")[:limit],
        ]
    )
    done = one_by_one.do(
        stage="follow up",
        ids=cases,
        each=lambda pk: _note(attempt_id=pk, case_id=cases[pk], at=at),
    )
    verifying = (
        Case.objects.filter(state=Case.State.VERIFYING, closed_at__isnull=True)
        .filter(order__isnull=False, discrepancy__cleared_at__isnull=True)
        .exclude(repairs__state__in=[_RUNNING, _UNDOING])
        .order_by("changed_at", "pk")
    )
    return done + one_by_one.do(
        stage="verify",
        ids=one_by_one.line_up(verifying, stage="verify", limit=limit),
        each=lambda pk: _judge(case_id=pk, at=at),
    )


def deal(case: Case, *, at: datetime) -> None:
    """Give a locked case that automation has left to people its turn, as a new one has it.

    Nothing happens to one that has an owner, that the product will try again, or that is closed.
    Does not save it.
    """
    for dealt in dealing.deal([case], at=at) if case.is_open else []:
        messages.tell(
            case=dealt,
            to=messages.OWNER,
            subject=f"Exception #{dealt.pk} is yours: it was your turn",
            text=f"{dealt.severity}, {dealt.team.name}. It could not be repaired automatically.",
            at=at,
        )


@transaction.atomic
def _note(*, attempt_id: int, case_id: int, at: datetime) -> bool:
    """Close one attempt whose outcome is known; False if it is not."""
    case = _lock_if_free(case_id)
    if case is None:
        return False
    attempt = RepairAttempt.objects.select_for_update().get(pk=attempt_id)
    if attempt.state == _RUNNING:
        return _note_run(case, attempt, at=at)
    return attempt.state == _UNDOING and _note_undo(case, attempt, at=at)


def _note_run(case: Case, attempt: RepairAttempt, *, at: datetime) -> bool:
    failure = _failure_of(attempt)
    if not failure:
        attempt.state = RepairAttempt.State.DONE
        attempt.save()
        _tell(case, attempt, action="repair.delivered", words="was confirmed", at=at)
        return True
    attempt.state, attempt.error = RepairAttempt.State.FAILED, failure
    attempt.save()
    if attempt.is_automatic:
        _plan_next_try(case, attempt, at=at)
    if case.state == Case.State.VERIFYING:
        _return(case)
        deal(case, at=at)
    _tell(case, attempt, action="repair.failed", words="failed", at=at, reason=failure)
    return True


def _note_undo(case: Case, attempt: RepairAttempt, *, at: datetime) -> bool:
    outcome = _undo_outcome(attempt)
    if outcome is None:
        return False
    if outcome:
        attempt.state, attempt.error = RepairAttempt.State.DONE, f"The undo failed: {outcome}"
        action, words = "repair.undo_failed", "could not be undone"
    else:
        attempt.state, attempt.undone_at = RepairAttempt.State.UNDONE, at
        action, words = "repair.undone", "was undone"
    attempt.save()
    _tell(case, attempt, action=action, words=words, at=at, reason=outcome)
    return True


def _failure_of(attempt: RepairAttempt) -> str:
    """Say why a run that is over came to nothing; "" if it was delivered."""
    owed = attempt.writeback
    if owed is None:
        assert attempt.correction is not None
        return _correction_failure(attempt.correction)
    if owed.state in ("DELIVERED", "COMPENSATED"):
        return ""
    if owed.state == "SUPERSEDED":
        return "It was no longer needed."
    return owed.error or "It could not be delivered."


def _undo_outcome(attempt: RepairAttempt) -> str | None:
    """Say what came of an undo: "" if it worked, a reason if not, None while it is under way."""
    if attempt.correction is not None:
        event = Event.objects.get(
            source_id=attempt.correction.source_id,
            sender=attempt.correction.sender,
            event_id=attempts.undo_name(attempt),
        )
        is_open = event.status in ("RECEIVED", "PARKED")
        return None if is_open else _correction_failure(event)
    owed = WriteBack.objects.filter(compensates_id=attempt.writeback_id).first()
    if owed is None or owed.state == "DELIVERED":
        return ""
    return owed.error or "It was not delivered." if writeback.is_given_up(owed) else None


def _correction_failure(event: Event) -> str:
    if event.status != Event.Status.QUARANTINED:
        return ""
    return "The correction could not be applied: " + "; ".join(str(why) for why in event.reasons)


def _plan_next_try(case: Case, attempt: RepairAttempt, *, at: datetime) -> None:
    """Give the product another try later, or leave the case to people after the last."""
    if not _may_try_again(case, attempt):
        case.is_automation_barred = True
        case.next_automatic_at = None
        attempts.call_person(attempt, at=at)
        return
    minutes = _RETRY_MINUTES[min(case.automatic_attempts, len(_RETRY_MINUTES)) - 1]
    case.next_automatic_at = at + timedelta(minutes=minutes)


def _may_try_again(case: Case, attempt: RepairAttempt) -> bool:
    """Tell whether a try is left, and it is certain that the last one changed nothing."""
    if attempt.writeback is not None and attempt.writeback.state == WriteBack.State.UNKNOWN:
        return False
    chosen = rulebook.version(case.rulebook_version).automation(case.check_name)
    has_tries = chosen is not None and case.automatic_attempts < chosen.attempts
    return has_tries and case.is_open and not case.is_automation_barred


@transaction.atomic
def _judge(*, case_id: int, at: datetime) -> bool:
    """Bring a case back whose repair was confirmed, applied and judged, and did not help."""
    case = _lock_if_free(case_id)
    if case is None or case.state != Case.State.VERIFYING:
        return False
    attempt = case.repairs.order_by("-pk").first()
    if attempt is None or not _was_judged_since(case, attempt, at=at):
        return False
    before = case.state
    case.is_automation_barred = True
    _return(case)
    deal(case, at=at)
    _make_more_urgent(case, at=at)
    keep(
        case,
        action="repair.did_not_hold",
        words="saw that the repair did not hold",
        actor=attempts.SERVICE,
        at=at,
        from_state=before,
        reason="Repair did not hold: the check is still broken.",
        detail={"attempt": attempt.pk, "title": attempt.plan["title"]},
    )
    return True


def _was_judged_since(case: Case, attempt: RepairAttempt, *, at: datetime) -> bool:
    """Tell whether the check was looked at after what the repair did had been applied.

    What the target said may never come, or may say nothing new: then an hour is enough.
    """
    if Recheck.objects.filter(order__cases=case, due_at__lte=at).exists():
        return False
    event = attempt.correction or _answer_event(attempt)
    told = (event.duplicate_of or event) if event else None
    if told is not None and told.status == Event.Status.RECEIVED:
        return False
    if told is not None and told.applied_at is not None:
        return case.discrepancy.last_seen_at >= told.applied_at
    done_at = attempt.writeback.delivered_at if attempt.writeback else attempt.at
    return done_at is not None and at > done_at + _CONFIRM_WITHIN


def _answer_event(attempt: RepairAttempt) -> Event | None:
    owed = attempt.writeback
    said = (owed.answer or {}).get("event") if owed else None
    if owed is None or not isinstance(said, dict):
        return None
    return Event.objects.filter(
        source_id=owed.target_id, sender=said.get("source", ""), event_id=said.get("id", "")
    ).first()


def _make_more_urgent(case: Case, *, at: datetime) -> None:
    """Raise the severity by one; its clocks can only come nearer."""
    case.severity = _MORE_URGENT[case.severity]
    plan = sla.plan_of(
        rules=rulebook.version(case.rulebook_version),
        severity=case.severity,
        check=case.check_name,
        team=case.team.slug,
        team_hours=sla.hours_of(case.team.calendar),
    )
    clocks.change_plan(case, plan=plan, at=at)


def _return(case: Case) -> None:
    if case.owner_id is None:
        case.return_to_queue()
    else:
        case.return_to_owner()


def _tell(
    case: Case, attempt: RepairAttempt, *, action: str, words: str, at: datetime, reason: str = ""
) -> None:
    """Put the outcome on the case's trail."""
    before = Case.objects.values_list("state", flat=True).get(pk=case.pk)
    keep(
        case,
        action=action,
        words=f"{words}: {attempt.plan['title']}",
        actor=attempts.SERVICE,
        at=at,
        from_state=before,
        reason=reason,
        detail={"attempt": attempt.pk, "repair": attempt.kind, "title": attempt.plan["title"]},
    )


def _lock_if_free(case_id: int) -> Case | None:
    return (
        Case.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("team__calendar", "discrepancy")
        .filter(pk=case_id)
        .first()
    )

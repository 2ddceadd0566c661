"""What people do with a case: take it, give it, lay it aside, escalate, dismiss."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django_fsm import TransitionNotAllowed

from exceptions import duty, messages, snoozes
from exceptions.desk import check_goes_on, check_unchanged, keep, locked
from exceptions.models import Case
from exceptions.permissions import (
    check_can_assign,
    check_can_work,
    name_of,
)
from exceptions.sla import StepTime
from reconciliation import discrepancies
from reconciliation.models import Event

SNOOZED = "snooze"
_KEPT = (Event.Status.PARKED, Event.Status.QUARANTINED)
_BY_HAND = 1_000  # steps that people take are numbered from here


class Cannot(Exception):
    """The case does not allow it now; the message may be shown to the person who asked."""


class CannotClaim(Cannot):
    """Someone holds the case, or it is closed."""


@transaction.atomic
def claim(*, case_id: int, by: User, at: datetime, version: int | None = None) -> Case:
    """Give an open case to `by`.

    Raises CannotClaim if someone else holds it or it is closed, NotAllowed, Conflict.
    """
    case = locked(case_id)
    check_can_work(by, case)
    check_goes_on(case)
    check_unchanged(case, version=version)
    if case.owner is not None and case.owner_id != by.pk:
        raise CannotClaim(f"{name_of(case.owner)} has it. Nothing changed.")
    before = case.state
    try:
        case.claim(owner=by, at=at)
    except TransitionNotAllowed as refusal:
        raise CannotClaim(_is_now(case)) from refusal
    keep(case, action="case.claimed", words="took it", actor=by.username, at=at, from_state=before)
    return case


@transaction.atomic
def assign(*, case_id: int, to: User, by: User, at: datetime, version: int | None = None) -> Case:
    """Give an open case to someone of its team; its state stays, for they have not answered yet.

    Raises Cannot if it is closed, NotAllowed, Conflict.
    """
    case = locked(case_id)
    check_can_assign(by, case, to)
    check_goes_on(case)
    check_unchanged(case, version=version)
    if not case.is_open:
        raise Cannot(_is_now(case))
    if away := duty.absences_now(users=[to.pk], at=at).get(to.pk):
        raise Cannot(
            f"{name_of(to)} is away until {away.ends_at:%H:%M on %d %b} UTC. Nothing changed."
        )
    earlier = case.owner
    case.owner = to
    keep(
        case,
        action="case.assigned",
        words=f"assigned it to {name_of(to)}",
        actor=by.username,
        at=at,
        from_state=case.state,
        detail={"to": to.username, "from": earlier.username if earlier else ""},
    )
    if to.pk != by.pk:
        messages.tell(
            case=case,
            to=messages.OWNER,
            subject=f"{name_of(by)} assigned exception #{case.pk} to you",
            text=f"{case.severity}, {case.team.name}.",
            at=at,
        )
    return case


@transaction.atomic
def snooze(
    *,
    case_id: int,
    until: datetime,
    by: User,
    at: datetime,
    reason: str = "",
    version: int | None = None,
    waiting_for: str = SNOOZED,
    wake_on: str = "",
) -> Case:
    """Lay a case aside until a moment, or until what `wake_on` names if that comes first.

    Its clocks run on, unless its rulebook stops them for what it waits for. A P1 wakes at its
    deadline whatever was asked. Raises Cannot if it is repaired, waiting or closed, the moment has
    passed, or a P1 is over its deadline.
    """
    case = _for_work(case_id, by=by, version=version)
    if until <= at:
        raise Cannot("That moment has passed. Choose a later one.")
    if wake_on and (wake_on not in snoozes.CONDITIONS or case.order_id is None):
        raise Cannot("Choose what to wait for from the list. Nothing changed.")
    until = _latest(case, until=until, at=at)
    condition = snoozes.CONDITIONS.get(wake_on)
    before = case.state
    try:
        case.wait(waiting_for=waiting_for, until=until, at=at)
    except TransitionNotAllowed as refusal:
        raise Cannot(_is_now(case)) from refusal
    snoozes.begin(case, condition=condition, until=until, by=by.username, reason=reason, at=at)
    moment = f"{until:%H:%M on %d %b}"
    keep(
        case,
        action="case.snoozed",
        words=f"snoozed it until {case.waits_until or moment}",
        actor=by.username,
        at=at,
        from_state=before,
        reason=reason,
        detail={
            "until": until.isoformat(),
            "for": f"{case.waits_until}, {moment} at the latest" if wake_on else moment,
            "waiting_for": waiting_for,
            "wake_on": wake_on,
        },
    )
    return case


def _latest(case: Case, *, until: datetime, at: datetime) -> datetime:
    """Give how long a case may be laid aside: a P1 until its deadline."""
    due_at = case.resolve_due_at
    if case.severity != Case.Severity.P1 or due_at is None:
        return until
    if due_at <= at:
        raise Cannot("A P1 over its deadline is not laid aside. Nothing changed.")
    return min(until, due_at)


@transaction.atomic
def wake(*, case_id: int, by: User, at: datetime, version: int | None = None) -> Case:
    """Take a waiting case up again before its time; raises Cannot if it does not wait."""
    case = _for_work(case_id, by=by, version=version)
    before = case.state
    try:
        case.wake()
    except TransitionNotAllowed as refusal:
        raise Cannot(_is_now(case)) from refusal
    keep(case, action="case.woken", words="woke it", actor=by.username, at=at, from_state=before)
    return case


@transaction.atomic
def unsnooze(*, case_id: int, by: User, at: datetime, version: int | None = None) -> Case:
    """Undo the snooze of a case that nobody had begun; raises Cannot if it does not wait."""
    case = _for_work(case_id, by=by, version=version)
    before = case.state
    try:
        case.return_to_queue()
    except TransitionNotAllowed as refusal:
        raise Cannot(_is_now(case)) from refusal
    keep(
        case, action="case.woken", words="undid its snooze", actor=by.username, at=at,
        from_state=before,
    )  # fmt: skip
    return case


@transaction.atomic
def give_back(
    *, case_id: int, to: User | None, by: User, at: datetime, version: int | None = None
) -> Case:
    """Undo an assignment: the case is whose it was before, or nobody's.

    Raises Cannot if it is closed, NotAllowed, Conflict.
    """
    case = _for_work(case_id, by=by, version=version)
    if not case.is_open:
        raise Cannot(_is_now(case))
    held = case.owner
    case.owner = to
    keep(
        case,
        action="case.assigned",
        words=f"gave it back to {name_of(to) if to else 'nobody'}",
        actor=by.username,
        at=at,
        from_state=case.state,
        detail={"to": to.username if to else "", "from": held.username if held else ""},
    )
    return case


@transaction.atomic
def escalate(
    *, case_id: int, reason: str, by: User, at: datetime, version: int | None = None
) -> Case:
    """Tell the team's lead at once, before the clock does; raises Cannot if it is closed."""
    case = _for_work(case_id, by=by, version=version)
    if not case.is_open:
        raise Cannot(_is_now(case))
    by_hand = case.escalations.filter(step__gte=_BY_HAND).count()
    step = StepTime(number=_BY_HAND + by_hand, due_at=at, to=messages.LEAD)
    messages.fire(case=case, step=step, why=f"{name_of(by)}: {reason}", actor=by.username, at=at)
    return case


@transaction.atomic
def dismiss(
    *, case_id: int, reason: str, by: User, at: datetime, version: int | None = None
) -> Case:
    """Close a case as fine as it is: its check is waived until the compared values change.

    Raises Cannot without a reason, or if it is repaired or closed.
    """
    case = _for_work(case_id, by=by, version=version)
    if not reason.strip():
        raise Cannot("Say why it is fine as it is.")
    before = case.state
    try:
        case.dismiss(by=by.username, reason=reason.strip(), at=at)
    except TransitionNotAllowed as refusal:
        raise Cannot(_is_now(case)) from refusal
    _clear(case, reason=reason.strip(), by=by, at=at)
    keep(
        case,
        action="case.dismissed",
        words="dismissed it",
        actor=by.username,
        at=at,
        from_state=before,
        reason=reason.strip(),
    )
    return case


@transaction.atomic
def reopen(*, case_id: int, by: User, at: datetime, version: int | None = None) -> Case:
    """Take a dismissal back: the waiver lapses and the order is judged again.

    Raises Cannot if the case was not dismissed, or the check has broken anew since.
    """
    case = _for_work(case_id, by=by, version=version)
    before = case.state
    try:
        case.reopen(owner=by)
    except TransitionNotAllowed as refusal:
        raise Cannot(_is_now(case)) from refusal
    case.merged_into = None  # it was closed with another, and is wanted by itself
    try:
        discrepancies.take_up_again(discrepancy_id=case.discrepancy_id, at=at)
    except discrepancies.OpenAnew as refusal:
        raise Cannot("It has broken anew since, and has an exception of its own.") from refusal
    _take_event_up_again(case)
    case.next_escalation_at = at
    keep(
        case, action="case.reopened", words="reopened it", actor=by.username, at=at,
        from_state=before,
    )  # fmt: skip
    return case


def _for_work(case_id: int, *, by: User, version: int | None) -> Case:
    """Lock a case that `by` may work on, that goes on itself, and that is the one they saw."""
    case = locked(case_id)
    check_can_work(by, case)
    check_goes_on(case)
    check_unchanged(case, version=version)
    return case


def _clear(case: Case, *, reason: str, by: User, at: datetime) -> None:
    """Waive the check of an order; what a stage found is simply cleared."""
    found = case.discrepancy
    if found.cleared_at is not None:
        return
    if found.order_id is not None:
        discrepancies.waive(discrepancy_id=found.pk, reason=reason, by=by, at=at)
        return
    discrepancies.clear(
        check_name=found.check_name,
        event=found.event,
        rejection=found.rejection,
        writeback=found.writeback,
        source=found.source,
        at=at,
    )
    if found.event is not None:  # or it would be reported again
        waiting = Event.objects.filter(pk=found.event.pk, status__in=_KEPT)
        waiting.update(status=Event.Status.DISMISSED)


def _take_event_up_again(case: Case) -> None:
    """Put an event that was set aside back to where it was kept."""
    set_aside = Event.objects.filter(
        pk=case.discrepancy.event_id or 0, status=Event.Status.DISMISSED
    )
    is_parked = case.check_name == "event_parked_too_long"
    set_aside.update(status=Event.Status.PARKED if is_parked else Event.Status.QUARANTINED)


def _is_now(case: Case) -> str:
    who = f" by {case.closed_by}" if case.closed_by else ""
    return f"Exception #{case.pk} is {case.get_state_display().lower()}{who}. Nothing changed."

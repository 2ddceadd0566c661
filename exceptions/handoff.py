"""Hands a case to another team: sent, then accepted, bounced, taken back, or left unanswered.

Until it is accepted nothing about the case changes: the sender owns it and its clock runs on.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django_fsm import TransitionNotAllowed

from exceptions import messages
from exceptions.desk import check_goes_on, check_unchanged, keep, locked
from exceptions.models import Case, Handoff
from exceptions.permissions import (
    check_can_answer,
    check_can_receive,
    check_can_work,
    name_of,
)
from exceptions.sla import hours_of
from reconciliation import one_by_one, rulebook
from reconciliation.models import Team
from reconciliation.working_time import due_at

ACTOR = "service:handoff"
_WAITING = Handoff.State.WAITING


class CannotHandOff(Exception):
    """The case or the handoff does not allow it now; the message may be shown."""


def take(*, limit: int, at: datetime) -> int:
    """Return up to `limit` handoffs that nobody answered in time or that the case overtook."""
    waiting = Handoff.objects.filter(state=_WAITING)
    late = waiting.filter(accept_due_at__lte=at).order_by("accept_due_at")
    closed = waiting.filter(case__closed_at__isnull=False).order_by("pk")
    cases = [
        *late.values_list("case_id", flat=True)[:limit],
        *closed.values_list("case_id", flat=True)[:limit],
    ]
    ids = list(dict.fromkeys(cases))
    return one_by_one.do(stage="handoff", ids=ids, each=lambda pk: _return(case_id=pk, at=at))


@transaction.atomic
def send(
    *,
    case_id: int,
    to_team: Team,
    reason: str,
    by: User,
    at: datetime,
    to_person: User | None = None,
    version: int | None = None,
) -> Handoff:
    """Offer a case to another team, or to one person of it, and tell them. Raises as `offer`."""
    sent = offer(
        case_id=case_id,
        to_team=to_team,
        reason=reason,
        by=by,
        at=at,
        to_person=to_person,
        version=version,
    )
    messages.tell_people(
        case=sent.case,
        people=[to_person] if to_person else messages.who_answers(to_team),
        subject=f"{name_of(by)} hands you exception #{case_id}: answer by"
        f" {sent.accept_due_at:%H:%M on %d %b} UTC",
        text=_text(sent),
        at=at,
    )
    return sent


@transaction.atomic
def offer(
    *,
    case_id: int,
    to_team: Team,
    reason: str,
    by: User,
    at: datetime,
    to_person: User | None = None,
    version: int | None = None,
) -> Handoff:
    """Offer a case to another team, or to one person of it, and leave it to the caller to tell.

    Raises CannotHandOff if it is closed, repaired, on its way already or said without a reason;
    NotAllowed, Conflict.
    """
    case = locked(case_id)
    check_can_work(by, case)
    check_goes_on(case)
    if waiting := _waiting(case):
        raise CannotHandOff(
            f"{name_of(waiting.sent_by)} handed it to {waiting.to_team.name} at"
            f" {waiting.sent_at:%H:%M on %d %b}, and it waits for an answer. Nothing changed."
        )
    check_unchanged(case, version=version)
    _check_can_send(case, to_team=to_team, reason=reason)
    if to_person is not None:
        check_can_receive(to_person, to_team)
    sent = Handoff.objects.create(
        case=case,
        from_team=case.team,
        to_team=to_team,
        to_person=to_person,
        canonical_id=case.order.canonical_id if case.order else "",
        context=_context(case),
        reason=reason.strip(),
        sent_by=by,
        sent_at=at,
        resolve_due_at=case.resolve_due_at,
        accept_due_at=_accept_due_at(case, to_team=to_team, at=at),
    )
    whom = f"{name_of(to_person)} of {to_team.name}" if to_person else to_team.name
    _keep(case, sent, "sent", words=f"handed it to {whom}", actor=by.username, at=at)
    return sent


@transaction.atomic
def accept(*, case_id: int, by: User, at: datetime, version: int | None = None) -> Case:
    """Take a case over: from now on it is the receiver's, and its clock with it.

    Raises CannotHandOff if nothing waits or the case is repaired or closed; NotAllowed, Conflict.
    """
    case, waiting = _to_answer(case_id, by=by, version=version)
    before = case.state
    case.team = waiting.to_team
    try:
        case.claim(owner=waiting.to_person or by, at=at)
    except TransitionNotAllowed as refusal:
        raise CannotHandOff(
            f"Exception #{case.pk} is {case.get_state_display().lower()}. Nothing changed."
        ) from refusal
    waiting.close(state=Handoff.State.ACCEPTED, by=by.username, at=at)
    _keep(
        case, waiting, "accepted", words=f"accepted it for {waiting.to_team.name}",
        actor=by.username, at=at, from_state=before,
    )  # fmt: skip
    _answer_sender(case, waiting, said=f"{name_of(by)} accepted exception #{case.pk}", at=at)
    return case


@transaction.atomic
def bounce(
    *, case_id: int, reason: str, by: User, at: datetime, version: int | None = None
) -> Handoff:
    """Send a handoff back with a reason; the case stays where it is.

    Raises CannotHandOff without a reason or if nothing waits; NotAllowed, Conflict.
    """
    case, waiting = _to_answer(case_id, by=by, version=version)
    if not reason.strip():
        raise CannotHandOff("Say why it goes back, in a few words.")
    waiting.close(state=Handoff.State.BOUNCED, by=by.username, at=at, answer=reason.strip())
    _keep(
        case, waiting, "bounced", words=f"bounced it back to {waiting.from_team.name}",
        actor=by.username, at=at, reason=reason.strip(),
    )  # fmt: skip
    _answer_sender(
        case, waiting, said=f"{name_of(by)} bounced exception #{case.pk}: {reason.strip()}", at=at
    )
    return waiting


@transaction.atomic
def withdraw(*, case_id: int, by: User, at: datetime, version: int | None = None) -> Handoff:
    """Take a handoff back before it is answered; raises CannotHandOff, NotAllowed, Conflict."""
    case = locked(case_id)
    check_can_work(by, case)
    waiting = _must_wait(case, version=version)
    waiting.close(state=Handoff.State.WITHDRAWN, by=by.username, at=at)
    _keep(case, waiting, "withdrawn", words="took the handoff back", actor=by.username, at=at)
    return waiting


@transaction.atomic
def _return(*, case_id: int, at: datetime) -> bool:
    """Give one handoff back to its sender: nobody answered, or the case is done."""
    case = (
        Case.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("team", "owner", "order")
        .filter(pk=case_id)
        .first()
    )
    waiting = _waiting(case) if case is not None else None
    if case is None or waiting is None:
        return False
    if not case.is_open:
        waiting.close(state=Handoff.State.OVERTAKEN, by=ACTOR, at=at, answer="It was closed.")
        _keep(case, waiting, "overtaken", words="ended the handoff", actor=ACTOR, at=at)
        return True
    if waiting.accept_due_at > at:
        return False
    note = f"{waiting.to_team.name} did not answer in time."
    waiting.close(state=Handoff.State.LAPSED, by=ACTOR, at=at, answer=note)
    _keep(case, waiting, "lapsed", words=f"returned it: {note}", actor=ACTOR, at=at, reason=note)
    _answer_sender(case, waiting, said=f"Exception #{case.pk} is back: {note}", at=at)
    messages.tell_people(
        case=case,
        people=messages.leads_of(waiting.to_team),
        subject=f"Your team did not answer the handoff of exception #{case.pk}",
        text=_text(waiting),
        at=at,
    )
    return True


def _check_can_send(case: Case, *, to_team: Team, reason: str) -> None:
    if not case.is_open or case.state == Case.State.VERIFYING:
        raise CannotHandOff(
            f"Exception #{case.pk} is {case.get_state_display().lower()}. Nothing changed."
        )
    if to_team.pk == case.team_id:
        raise CannotHandOff(f"{to_team.name} has it already. Choose another team.")
    if not reason.strip():
        raise CannotHandOff("Say why it should go there, in a few words.")


def _to_answer(case_id: int, *, by: User, version: int | None) -> tuple[Case, Handoff]:
    """Lock a case whose handoff `by` may answer."""
    case = locked(case_id)
    waiting = _waiting(case)
    if waiting is not None:
        check_can_answer(by, waiting)
    return case, _must_wait(case, version=version)


def _must_wait(case: Case, *, version: int | None) -> Handoff:
    check_goes_on(case)
    check_unchanged(case, version=version)
    if waiting := _waiting(case):
        return waiting
    raise CannotHandOff(f"No handoff of exception #{case.pk} waits for an answer. Nothing changed.")


def _waiting(case: Case) -> Handoff | None:
    """Find the handoff that waits; the case's lock is the handoff's too."""
    related = ("from_team", "to_team", "to_person", "sent_by")
    return case.handoffs.select_related(*related).filter(state=_WAITING).first()


def _accept_due_at(case: Case, *, to_team: Team, at: datetime) -> datetime:
    """Find when the answer is due: in the receiver's own hours, where the case's clock has any."""
    clock = rulebook.version(case.rulebook_version).clock(
        severity=case.severity, check=case.check_name, team=case.team.slug
    )
    hours = hours_of(to_team.calendar) if clock.calendar else None
    return due_at(opened_at=at, minutes=clock.accept_minutes, hours=hours)


def _context(case: Case) -> dict[str, Any]:
    """Keep what failed as it was when it was handed over."""
    found = case.discrepancy
    return {
        "check": case.check_name,
        "title": rulebook.version(case.rulebook_version).check(case.check_name).title,
        "severity": case.severity,
        "expected_minor": found.expected_minor,
        "actual_minor": found.actual_minor,
        "at_risk_minor": case.at_risk_minor,
        "currency": case.currency,
        "owner": case.owner.get_username() if case.owner else "",
    }


def _keep(
    case: Case,
    handoff: Handoff,
    what: str,
    *,
    words: str,
    actor: str,
    at: datetime,
    from_state: str | None = None,
    reason: str = "",
) -> None:
    """Put it on the case's trail, and save both."""
    keep(
        case,
        action=f"case.handoff_{what}",
        words=words,
        actor=actor,
        at=at,
        from_state=case.state if from_state is None else from_state,
        reason=reason or handoff.reason,
        detail={
            "handoff": handoff.pk,
            "order": handoff.canonical_id,
            "from_team": handoff.from_team.name,
            "to_team": handoff.to_team.name,
            "to_person": handoff.to_person.get_username() if handoff.to_person else "",
            "accept_due_at": handoff.accept_due_at.isoformat(),
        },
    )
    handoff.save()


def _answer_sender(case: Case, handoff: Handoff, *, said: str, at: datetime) -> None:
    messages.tell_people(
        case=case, people=[handoff.sent_by], subject=said, text=_text(handoff), at=at
    )


def _text(handoff: Handoff) -> str:
    """Say what a receiver needs to know before they open the case."""
    lines = [
        f"{handoff.context['severity']} {handoff.context['title']}.",
        f"Order: {handoff.canonical_id or 'none'}.",
        f"From {handoff.from_team.name} to {handoff.to_team.name}: {handoff.reason}",
    ]
    if handoff.resolve_due_at is not None:
        lines.append(f"To be resolved by {handoff.resolve_due_at:%d %b %Y %H:%M} UTC.")
    return "\n".join(lines)

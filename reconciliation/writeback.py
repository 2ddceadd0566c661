"""Delivers the outbox: corrections owed to sources, each taking effect once at most.

A try is counted and committed before it is made, and made outside any transaction. What is not
known to have failed is looked up by its key before it is sent again. The answer is stored through
the front door as the event that the target's own webhook would bring.
"""

import time
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from django.db import transaction
from django.db.models import Q

from audit.record import record
from reconciliation import breaker, discrepancies, ingest
from reconciliation.models import Alias, Event, Order, Source, WriteBack, WriteBackAttempt
from reconciliation.sources import writeback_call
from reconciliation.sources.writeback_call import Outcome
from reconciliation.validate import said

ACTOR = "service:writeback"
FAILED_CHECK = "writeback_failed"
_DELAYS = tuple(timedelta(seconds=s) for s in (5, 30, 300, 1_800, 1_800, 7_200, 18_000, 36_000))
MOST_TRIES = 12
# A target may forget keys after a day; past half of it, "never heard of it" proves nothing.
_KEY_MEMORY = timedelta(hours=12)
_LEASE = timedelta(seconds=120)
_TAKE_SECONDS = 30.0  # with the longest try on top still well inside the lease

_log = structlog.get_logger(__name__)


class CannotSupersede(Exception):
    """The write-back is on its way or delivered; the message may be shown."""


class CannotRetry(Exception):
    """The write-back is not one that has failed; the message may be shown."""


@transaction.atomic
def owe(  # noqa: PLR0913 - the row's own columns
    *,
    target: Source,
    order: Order,
    action: str,
    payload: dict[str, Any],
    key: str,
    at: datetime,
    actor: str,
    compensates: WriteBack | None = None,
    is_watched: bool = False,
) -> WriteBack:
    """Put one correction into the outbox; the same key twice is the same write-back.

    Giving up on it calls a person, unless it `is_watched`: then whoever owes it does, after the
    last of its own tries, by `call_person`.
    """
    owed, is_new = WriteBack.objects.get_or_create(
        idempotency_key=key,
        defaults={
            "target": target,
            "order": order,
            "action": action,
            "payload": payload,
            "compensates": compensates,
            "is_watched": is_watched,
            "next_attempt_at": at,
            "created_at": at,
        },
    )
    if is_new:
        _record(owed, "writeback.owed", at=at, actor=actor, from_state="")
    return owed


def take(*, limit: int, at: datetime) -> int:
    """Try up to `limit` write-backs that are due; says how many.

    Stops early when calls are slow, and leaves a target alone while it cannot be reached.
    """
    began = time.monotonic()
    for count in range(limit):
        if time.monotonic() - began > _TAKE_SECONDS:
            return count
        claimed = _claim(at=at)
        if claimed is None:
            return count
        if claimed.state == WriteBack.State.UNKNOWN:
            _note_look_up(claimed, writeback_call.look_up(claimed), at=at)
            continue
        outcome = writeback_call.send(claimed, order_name=order_name(claimed))
        _note_sent(claimed, outcome, at=at)
    return limit


@transaction.atomic
def supersede(*, writeback_id: int, reason: str, actor: str, at: datetime) -> None:
    """Drop a write-back that is not delivered; raises CannotSupersede."""
    owed = WriteBack.objects.select_for_update().get(pk=writeback_id)
    if owed.state not in ("DUE", "UNKNOWN", "FAILED"):
        raise CannotSupersede(f"It is {owed.get_state_display().lower()}.")
    before = owed.state
    owed.supersede()
    _record(owed, "writeback.superseded", at=at, actor=actor, from_state=before, reason=reason)
    owed.save()
    discrepancies.clear(check_name=FAILED_CHECK, writeback=owed, at=at)


@transaction.atomic
def retry(*, writeback_id: int, actor: str, at: datetime) -> None:
    """Begin another round of tries for one that was given up; raises CannotRetry."""
    owed = WriteBack.objects.select_for_update().get(pk=writeback_id)
    before = owed.state
    if before == WriteBack.State.FAILED:
        owed.retry(at=at)
    elif is_given_up(owed):
        owed.attempts, owed.next_attempt_at = 0, at
    else:
        raise CannotRetry(f"It is {owed.get_state_display().lower()}.")
    _record(owed, "writeback.retried", at=at, actor=actor, from_state=before)
    owed.save()


@transaction.atomic
def call_person(*, writeback_id: int, at: datetime) -> None:
    """Open the discrepancy that brings a person to one that was given up, and to no other."""
    owed = (
        WriteBack.objects.select_for_update(of=("self",))
        .select_related("target")
        .get(pk=writeback_id)
    )
    if is_given_up(owed):
        _open_failure(owed, at=at)


def is_given_up(owed: WriteBack) -> bool:
    """Tell whether nothing more will happen to it by itself, though it is not delivered."""
    if owed.state == WriteBack.State.UNKNOWN:
        return owed.next_attempt_at is None
    return bool(owed.state == WriteBack.State.FAILED)


def order_name(owed: WriteBack) -> str:
    """Give the order's name as the target knows it."""
    known = Alias.objects.filter(source_id=owed.target_id, kind="order", order_id=owed.order_id)
    alias = known.order_by("pk").values_list("value", flat=True).first()
    return alias or owed.order.canonical_id


@transaction.atomic
def _claim(*, at: datetime) -> WriteBack | None:
    """Take the next due write-back under a lease, counting the try before it is made."""
    owed = (
        WriteBack.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("target", "order")
        .filter(state__in=["DUE", "SENDING", "UNKNOWN"], next_attempt_at__lte=at)
        .filter(Q(claimed_until__isnull=True) | Q(claimed_until__lt=at))
        .exclude(target__breaker__open_until__gt=at)
        .exclude(target__is_paused=True)
        .order_by("next_attempt_at", "pk")
        .first()
    )
    if owed is None:
        return None
    if owed.state == WriteBack.State.SENDING:
        _recover(owed, at=at)
    if owed.state == WriteBack.State.UNKNOWN:
        owed.attempts += 1
        owed.claim_token, owed.claimed_until = uuid4(), at + _LEASE
    else:
        owed.send(token=uuid4(), until=at + _LEASE)
        _record(owed, "writeback.sending", at=at, from_state="DUE")
    owed.save()
    return owed


def _recover(owed: WriteBack, *, at: datetime) -> None:
    """Treat one whose sender died as sent: nobody can know better before looking it up."""
    assert owed.claimed_until is not None
    error = "The process that sent it stopped before it noted the answer."
    _add_try(owed, Outcome(writeback_call.UNKNOWN, error), at=owed.claimed_until - _LEASE)
    owed.lose(error=error, look_up_at=at)
    _record(owed, "writeback.lost", at=at, from_state="SENDING", reason=error)


@transaction.atomic
def _note_sent(claimed: WriteBack, outcome: Outcome, *, at: datetime) -> None:
    """Write down what came of sending."""
    owed = _still_held(claimed)
    if owed is None:
        return
    _add_try(owed, outcome, at=at)
    _note_reach(owed, outcome, at=at)
    match outcome.name:
        case writeback_call.DELIVERED:
            _deliver(owed, outcome.answer, at=at)
        case writeback_call.REFUSED:
            _give_up(owed, outcome.error, at=at)
        case writeback_call.UNREACHABLE if owed.attempts >= MOST_TRIES:
            _give_up(owed, outcome.error, at=at)
        case writeback_call.UNREACHABLE:
            _lose(owed, outcome.error, look_up_at=at, at=at)
            _send_again(owed, reason="Nothing was received.", due_at=_next_at(owed, at), at=at)
        case _:
            _lose_or_raise(owed, outcome.error, at=at)
    owed.save()


@transaction.atomic
def _note_look_up(claimed: WriteBack, outcome: Outcome, *, at: datetime) -> None:
    """Write down what the target knows of the key."""
    owed = _still_held(claimed)
    if owed is None:
        return
    _add_try(owed, outcome, at=at)
    if outcome.name == writeback_call.FOUND:
        _deliver(owed, outcome.answer, at=at)
    elif _has_echo(owed):
        _deliver(owed, {"status": "done", "by": "echo"}, at=at)
    elif outcome.name == writeback_call.ABSENT and _absence_proves(owed, at=at):
        _send_again(owed, reason="The target does not know the key.", due_at=at, at=at)
    else:
        owed.claim_token = owed.claimed_until = None
        owed.next_attempt_at = _next_at(owed, at) if _may_go_on(owed, outcome) else None
        owed.error = outcome.error or "The target may have forgotten the key."
        if owed.next_attempt_at is None:
            _raise_failure(owed, at=at)
    owed.save()


def _note_reach(owed: WriteBack, outcome: Outcome, *, at: datetime) -> None:
    """Open the breaker of a target that was not reached; any answer closes it."""
    if outcome.name == writeback_call.UNREACHABLE:
        breaker.trip(target_id=owed.target_id, at=at)
    elif outcome.status_code is not None:
        breaker.mend(target_id=owed.target_id)


def _still_held(claimed: WriteBack) -> WriteBack | None:
    """Lock the row again, unless another took it over when our lease ran out."""
    owed = (
        WriteBack.objects.select_for_update(of=("self",))
        .select_related("target", "order")
        .filter(pk=claimed.pk, claim_token=claimed.claim_token)
        .first()
    )
    if owed is None:
        _log.warning("writeback.lease_lost", writeback=claimed.pk)
    return owed


def _deliver(owed: WriteBack, answer: dict[str, Any], *, at: datetime) -> None:
    before = owed.state
    owed.deliver(answer=answer, at=at)
    _record(owed, "writeback.delivered", at=at, from_state=before)
    _store_answer(owed, at=at)
    if owed.compensates_id is not None:
        original = WriteBack.objects.select_for_update().get(pk=owed.compensates_id)
        original.compensate()
        _record(original, "writeback.compensated", at=at, from_state="DELIVERED")
        original.save()
    discrepancies.clear(check_name=FAILED_CHECK, writeback=owed, at=at)


def _store_answer(owed: WriteBack, *, at: datetime) -> None:
    """Take the fact in the answer through the front door, where its webhook will be a duplicate."""
    event = (owed.answer or {}).get("event")
    if isinstance(event, dict):
        ingest.store(source=owed.target, messages=[said(event)], at=at)


def _give_up(owed: WriteBack, error: str, *, at: datetime) -> None:
    owed.fail(error=error)
    _record(owed, "writeback.failed", at=at, from_state="SENDING", reason=error)
    _raise_failure(owed, at=at)


def _lose_or_raise(owed: WriteBack, error: str, *, at: datetime) -> None:
    is_last = owed.attempts >= MOST_TRIES
    _lose(owed, error, look_up_at=None if is_last else _next_at(owed, at), at=at)
    if is_last:
        _raise_failure(owed, at=at)


def _lose(owed: WriteBack, error: str, *, look_up_at: datetime | None, at: datetime) -> None:
    owed.lose(error=error, look_up_at=look_up_at)
    _record(owed, "writeback.lost", at=at, from_state="SENDING", reason=error)


def _send_again(owed: WriteBack, *, reason: str, due_at: datetime, at: datetime) -> None:
    owed.send_again(at=due_at)
    _record(owed, "writeback.due_again", at=at, from_state="UNKNOWN", reason=reason)


def _raise_failure(owed: WriteBack, *, at: datetime) -> None:
    """Bring a person, unless whoever owes it does that."""
    if not owed.is_watched:
        _open_failure(owed, at=at)


def _open_failure(owed: WriteBack, *, at: datetime) -> None:
    discrepancies.open_for(
        check_name=FAILED_CHECK,
        writeback=owed,
        details={"target": owed.target.slug, "action": owed.action, "error": owed.error},
        at=at,
    )


def _next_at(owed: WriteBack, at: datetime) -> datetime:
    return at + _DELAYS[min(owed.attempts, len(_DELAYS)) - 1]


def _may_go_on(owed: WriteBack, outcome: Outcome) -> bool:
    return owed.attempts < MOST_TRIES and outcome.name != writeback_call.ABSENT


def _absence_proves(owed: WriteBack, *, at: datetime) -> bool:
    """Tell whether "never heard of it" means that nothing happened, and a try is left."""
    sent = owed.tries.filter(outcome=writeback_call.UNKNOWN).order_by("-at").first()
    return owed.attempts < MOST_TRIES and (sent is None or at - sent.at < _KEY_MEMORY)


def _has_echo(owed: WriteBack) -> bool:
    """Tell whether the target's own webhook has already brought the fact."""
    kind = writeback_call.EFFECTS.get(owed.action)
    return (
        kind is not None
        and Event.objects.filter(
            source_id=owed.target_id,
            order_id=owed.order_id,
            type=kind,
            received_at__gte=owed.created_at,
        ).exists()
    )


def _add_try(owed: WriteBack, outcome: Outcome, *, at: datetime) -> None:
    WriteBackAttempt.objects.create(
        writeback=owed,
        at=at,
        outcome=outcome.name,
        status_code=outcome.status_code,
        answer=outcome.text,
    )


def _record(
    owed: WriteBack,
    action: str,
    *,
    at: datetime,
    from_state: str,
    actor: str = ACTOR,
    reason: str = "",
) -> None:
    record(
        stream="writeback",
        subject_id=owed.pk,
        action=action,
        actor=actor,
        at=at,
        from_state=from_state,
        to_state=owed.state,
        reason=reason,
        detail={
            "target": owed.target.slug,
            "action": owed.action,
            "order": owed.order_id,
            "attempts": owed.attempts,
        },
    )

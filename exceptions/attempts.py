"""Begins and takes back one run of a repair on a locked case; the only place that does either.

Inside repairs leave a correction event, outside ones a write-back. Nothing here says what a source
would say: what changes outside comes back through the front door.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.contrib.auth.models import User

from exceptions.desk import keep
from exceptions.models import Case, RepairAttempt
from exceptions.repairs.plan import Plan
from reconciliation import ingest, writeback
from reconciliation.models import Event, Order, Source, WriteBack
from reconciliation.validate import said

SERVICE = "service:repair"
_INTERNAL = "reconcile"  # the source of our own corrections
# Where the target's own name for what it made stands in the event that answers.
_MADE = {
    "mark_fulfilled": "fulfilment",
    "post_payment": "posting",
    "post_settlement": "posting",
    "issue_invoice": "invoice",
    "activate_subscription": "subscription",
}


def begin(
    *,
    case: Case,
    plan: Plan,
    key: str,
    by: User | None,
    reason: str,
    at: datetime,
) -> RepairAttempt:
    """Run `plan` on a locked case: an attempt, and the correction or the write-back it makes.

    `by` is None where the product does it by itself.
    """
    _drop_failed(case, at=at)
    attempt = RepairAttempt(
        case=case,
        kind=plan.kind,
        plan=plan.as_json(),
        plan_sha256=plan.sha256(),
        idempotency_key=key,
        is_automatic=by is None,
        by=by,
        reason=reason,
        at=at,
        undo_until=at + timedelta(minutes=plan.undo_minutes) if plan.is_undoable else None,
    )
    attempt.save()
    order = Order.objects.get(canonical_id=plan.order)
    if plan.is_inside:
        attempt.correction = correct(
            order=order,
            name=f"repair-{attempt.pk}",
            data={
                "repair": str(attempt.pk),
                "kind": plan.kind,
                "entries": list(plan.entries),
                **plan.corrects,
            },
            at=at,
        )
    else:
        attempt.writeback = writeback.owe(
            target=Source.objects.get(slug=plan.target),
            order=order,
            action=plan.action,
            payload=plan.payload,
            key=_key(plan.target, plan.order, plan.action, key),
            at=at,
            actor=actor_of(attempt),
            is_watched=by is None,
        )
    attempt.save()
    before = case.state
    case.verify(at=at)
    keep(
        case,
        action="repair.begun",
        words=f"began “{plan.title}”",
        actor=actor_of(attempt),
        at=at,
        from_state=before,
        reason=reason,
        detail={"attempt": attempt.pk, "repair": plan.kind, "title": plan.title},
    )
    return attempt


def take_back(*, attempt: RepairAttempt, by: User, at: datetime) -> None:
    """Owe what undoes `attempt`, or reverse its correction; `follow_up` sees it through."""
    if attempt.correction is not None:
        correct(
            order=Order.objects.get(canonical_id=attempt.plan["order"]),
            name=undo_name(attempt),
            data={
                "repair": str(attempt.pk),
                "kind": "undo",
                "entries": [],
                "reverses_event": attempt.correction_id,
            },
            at=at,
        )
    else:
        original = attempt.writeback
        assert original is not None
        action = attempt.plan["inverse_action"]
        owed = writeback.owe(
            target=original.target,
            order=original.order,
            action=action,
            payload=_inverse_payload(original),
            key=_key(original.target.slug, attempt.plan["order"], action, attempt.idempotency_key),
            at=at,
            actor=by.username,
            compensates=original,
        )
        if writeback.is_given_up(owed):  # an earlier undo failed, and this one tries again
            writeback.retry(writeback_id=owed.pk, actor=by.username, at=at)
    attempt.state = RepairAttempt.State.UNDOING
    attempt.undone_by = by
    attempt.error = ""
    attempt.save()


def correct(*, order: Order, name: str, data: dict[str, Any], at: datetime) -> Event:
    """Store one correction of our own through the front door; the same name twice is one event."""
    source = Source.objects.get(slug=_INTERNAL)
    envelope = {
        "specversion": "1.0",
        "id": name,
        "source": f"/{_INTERNAL}",
        "type": "correction.recorded",
        "time": at.isoformat(),
        "data": {"order": order.canonical_id, **data},
    }
    ingest.store(source=source, messages=[said(envelope)], at=at)
    event = Event.objects.get(source=source, sender=envelope["source"], event_id=name)
    if data.get("reverses_event") and event.corrects_id is None:
        event.corrects_id = data["reverses_event"]
        event.save(update_fields=["corrects"])
    return event


def call_person(attempt: RepairAttempt, *, at: datetime) -> None:
    """Bring a person to what an automatic repair could not deliver, after its last try."""
    if attempt.is_automatic and attempt.writeback_id is not None:
        writeback.call_person(writeback_id=attempt.writeback_id, at=at)


def refusal_to_undo(attempt: RepairAttempt, *, at: datetime) -> str:
    """Say why an attempt cannot be undone; "" if it can."""
    if attempt.undo_until is None:
        return "Cannot be undone."
    if at > attempt.undo_until:
        return (
            f"Too late to undo: that was possible until {attempt.undo_until:%H:%M} on"
            f" {attempt.undo_until:%d %b}. Open a correction instead."
        )
    if attempt.state == RepairAttempt.State.DONE:
        return ""
    owed = attempt.writeback
    if attempt.state == RepairAttempt.State.RUNNING and owed is not None:
        is_unsent = owed.state == "DUE" and owed.attempts == 0
        return "" if is_unsent else f"Still on its way to {owed.target.name}. Try in a minute."
    if attempt.state == RepairAttempt.State.RUNNING:
        return "The correction is being applied. Try in a minute."
    return "It is undone." if attempt.state == RepairAttempt.State.UNDONE else "It did nothing."


def undo_name(attempt: RepairAttempt) -> str:
    """Name the correction that undoes an inside repair."""
    return f"repair-{attempt.pk}-undo"


def actor_of(attempt: RepairAttempt) -> str:
    """Name who ran it, as the trail does."""
    return SERVICE if attempt.by is None else attempt.by.username


def _drop_failed(case: Case, *, at: datetime) -> None:
    """Supersede what earlier tries of this case failed to deliver: this one does their work."""
    for attempt in case.repairs.filter(state="FAILED", writeback__state__in=["FAILED", "UNKNOWN"]):
        assert attempt.writeback_id is not None
        writeback.supersede(
            writeback_id=attempt.writeback_id,
            reason="Another repair of the same exception was begun.",
            actor=SERVICE,
            at=at,
        )


def _inverse_payload(original: WriteBack) -> dict[str, Any]:
    """Say what to take back, by the name the target gave it where its answer has one."""
    event = (original.answer or {}).get("event") or {}
    made = _MADE.get(original.action, "")
    name = (event.get("data") or {}).get(made)
    named = {made: name} if name else {}
    return {**original.payload, **named, "undoes": original.idempotency_key}


def _key(*parts: str) -> str:
    return sha256("|".join(parts).encode()).hexdigest()

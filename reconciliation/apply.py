"""Applies received events to their orders, batch by batch; sets aside what cannot be applied."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson
import structlog
from django.db import (
    DataError,
    IntegrityError,
    InternalError,
    NotSupportedError,
    ProgrammingError,
    transaction,
)
from django.db.models import Exists, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast

from reconciliation import names
from reconciliation.discrepancies import clear, open_for
from reconciliation.finding import Fact
from reconciliation.folding import fold
from reconciliation.models import Discrepancy, Event, Source
from reconciliation.normalise import Unreadable, read

_log = structlog.get_logger(__name__)
_TOO_LONG = "event_parked_too_long"
_QUARANTINED = "event_quarantined"
# What may be wrong with an event itself. A lost connection or lock is not: the batch comes again.
_POISON = (
    ArithmeticError, AssertionError, LookupError, TypeError, ValueError,
    DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError,
)  # fmt: skip


def take(*, limit: int, at: datetime) -> int:
    """Apply up to `limit` received events, oldest first; says how many were dealt with."""
    waiting = Event.objects.filter(status=Event.Status.RECEIVED).order_by("id")
    if not waiting.exists() and not names.wake_parked():
        return _report_overdue(limit=limit, at=at)
    claimed: list[int] = []
    try:
        with transaction.atomic():
            facts = _claim(waiting[:limit])
            claimed += (fact.id for fact in facts)
            _apply(facts, at=at)
    except _POISON as failure:
        _log.warning("apply.batch_failed", events=len(claimed), error=str(failure))
        _apply_stubbornly(claimed, at=at)
    return len(claimed) + _report_overdue(limit=limit, at=at)


def _claim(events: QuerySet[Event]) -> list[Fact]:
    """Lock events that nobody else is at; they come back in the order asked for."""
    locked = events.select_for_update(skip_locked=True, no_key=True)
    rows = locked.values_list(
        "id", "source_id", "type", "occurred_at", "received_at", Cast("data", TextField()),
        "order_reference", "park_until",
    )  # fmt: skip
    sources = Source.objects.in_bulk()
    return [
        Fact(pk, sources[source_id], type_, occurred_at, received_at, orjson.loads(data), *rest)
        for pk, source_id, type_, occurred_at, received_at, data, *rest in rows
    ]


def _apply_stubbornly(event_ids: Sequence[int], *, at: datetime) -> None:
    """Try again, and halve what fails until the poison stands alone.

    The first try is of the whole: what failed may have been two workers at one new order.
    """
    waiting = Event.objects.filter(pk__in=event_ids, status=Event.Status.RECEIVED)
    try:
        with transaction.atomic():
            _apply(_claim(waiting.order_by("id")), at=at)
    except _POISON as failure:
        if len(event_ids) == 1:
            _quarantine(event_ids[0], reason=f"{type(failure).__name__}: {failure}", at=at)
            return
        middle = len(event_ids) // 2
        _apply_stubbornly(event_ids[:middle], at=at)
        _apply_stubbornly(event_ids[middle:], at=at)


def _apply(claimed: Sequence[Fact], *, at: datetime) -> None:
    """Apply claimed events; those that make no sense are set aside one by one."""
    facts = []
    for fact in claimed:
        try:
            fact.reading = read(type_=fact.type, data=fact.data)
        except Unreadable as problem:
            _quarantine(fact.id, reason=str(problem), at=at)
        else:
            facts.append(fact)
    if not facts:
        return
    new = fold(facts, at=at)
    _clear_reports({fact.id: fact.status for fact in facts}, at=at)
    found = {fact.order_id for fact in facts if fact.order_id is not None}
    if found:
        names.wake_parked_for(
            event_ids=[fact.id for fact in facts], order_ids=sorted(found), new_ids=new
        )


@transaction.atomic
def _quarantine(event_id: int, *, reason: str, at: datetime) -> None:
    """Set an event aside for a person to look at, with the reason."""
    event = Event.objects.select_for_update(no_key=True).get(pk=event_id)
    event.status = Event.Status.QUARANTINED
    event.reasons = [reason]
    event.save(update_fields=["status", "reasons"])
    open_for(
        check_name=_QUARANTINED,
        event=event,
        details={"reason": reason, "type": event.type, "order": event.order_reference},
        at=at,
    )


def _report_overdue(*, limit: int, at: datetime) -> int:
    """Report events that have waited too long for their order; they go on waiting."""
    reported = Discrepancy.objects.filter(
        event=OuterRef("pk"), check_name=_TOO_LONG, cleared_at__isnull=True
    )
    overdue = Event.objects.filter(
        ~Exists(reported), status=Event.Status.PARKED, park_until__lte=at
    ).defer("raw", "sha256")
    found = list(overdue.order_by("park_until", "id")[:limit])
    for event in found:
        open_for(
            check_name=_TOO_LONG,
            event=event,
            details={"type": event.type, "order": event.order_reference, **_amount(event)},
            at_risk_minor=_amount(event).get("amount_minor", 0),
            currency=str(event.data.get("currency", "")),
            at=at,
        )
    return len(found)


def _amount(event: Event) -> dict[str, int]:
    amount = event.data.get("amount_minor")
    return {"amount_minor": amount} if isinstance(amount, int) else {}


def _clear_reports(statuses: Mapping[int, str], *, at: datetime) -> None:
    """Clear what was reported of events that could be read now, or have found their order."""
    reports = Discrepancy.objects.filter(
        event__isnull=False, check_name__in=(_TOO_LONG, _QUARANTINED), cleared_at__isnull=True
    )
    for report in reports.select_related("event"):  # few are open, and many events come in
        status = statuses.get(report.event_id or 0)
        waits_on = report.check_name == _TOO_LONG and status == Event.Status.PARKED
        if status is not None and not waits_on:
            clear(check_name=report.check_name, event=report.event, at=at)

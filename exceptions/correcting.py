"""Corrects what could not be read or applied and sends it again; settles what else is kept.

What is sent again goes through the front door as its source's own event, and says what it
corrects. The original stays as it came.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django_fsm import TransitionNotAllowed

from exceptions import schema_form
from exceptions.desk import check_goes_on, check_unchanged, keep, locked
from exceptions.models import Case
from exceptions.permissions import check_can_work
from reconciliation import discrepancies, ingest, strict
from reconciliation.ingest import Verdict
from reconciliation.models import Event, RejectedEvent
from reconciliation.nudge import after_commit
from reconciliation.sources import canonical
from reconciliation.strict import NotJson, Problem
from reconciliation.validate import Message, canonical_bytes, structured

CORRECTABLE = ("event_rejected", "event_quarantined")
PARKED, QUARANTINED = "event_parked_too_long", "event_quarantined"
_ATTRIBUTES = ("specversion", "id", "source", "type", "time", "dataschema", "subject")
_PERSONAL = "/data/customer/"
_NOT_PERSONAL = ("/data/customer/key", "/data/customer/company")
_LONGEST_ID = 255


class CannotCorrect(Exception):
    """It may not be done now; the message may be shown."""


class StillWrong(Exception):
    """What was corrected is no event yet: `problems` has everything, each with its place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("Not sent: it is not right yet. Nothing changed.")
        self.problems = problems


@dataclass(frozen=True)
class Draft:
    """What there is to correct: the envelope as far as it was read, else only the text."""

    envelope: dict[str, Any] | None
    text: str
    problems: list[Problem]
    sent_as: Event | None


def draft_of(case: Case) -> Draft:
    """Read what a case is about as far as it can be read. Raises CannotCorrect."""
    found = case.discrepancy
    if case.check_name not in CORRECTABLE:
        raise CannotCorrect("There is nothing to correct here.")
    if found.event is not None:
        problems = [Problem("", str(reason)) for reason in found.event.reasons]
        envelope = _envelope_of(found.event)
        return Draft(envelope, _as_text(envelope), problems, _sent_before(found.event))
    assert found.rejection is not None
    raw = bytes(found.rejection.raw).decode(errors="replace")
    problems = [Problem(each["pointer"], each["detail"]) for each in found.rejection.errors]
    return Draft(_readable(raw, found.rejection), raw, problems, found.rejection.resent_as)


def judged(envelope: Mapping[str, Any] | str) -> Message:
    """Read a corrected event as the front door would, with everything that is wrong with it."""
    text = envelope if isinstance(envelope, str) else _as_text(envelope)
    message = structured(text.encode(errors="replace"))
    if not message.problems and message.envelope["type"] in canonical.INTERNAL:
        problem = Problem("/type", "Only the product itself may say this.")
        raise StillWrong([problem])
    return message


@transaction.atomic
def resend(
    *,
    case_id: int,
    envelope: Mapping[str, Any] | str,
    by: User,
    at: datetime,
    version: int | None = None,
) -> Event:
    """Send a corrected event as its source's own, and settle the case. Twice is once.

    Raises StillWrong with every problem, CannotCorrect, Conflict, NotAllowed.
    """
    case = locked(case_id)
    check_can_work(by, case)
    draft = draft_of(case)
    if draft.sent_as is not None:
        return draft.sent_as
    check_goes_on(case)
    check_unchanged(case, version=version)
    if not case.is_open:
        raise CannotCorrect(f"This exception is {case.get_state_display().lower()}.")
    message = judged(envelope)
    if message.problems:
        raise StillWrong(message.problems)
    event = _send(case, message, at=at)
    _note(case, _told(draft, message, event), event, by=by, at=at)
    after_commit("apply")
    return event


@transaction.atomic
def try_again(*, case_id: int, by: User, at: datetime, version: int | None = None) -> Event:
    """Let an event that could not be applied be applied once more, as it is.

    Raises CannotCorrect, Conflict, NotAllowed.
    """
    case, event = _locked_event(case_id, by=by, version=version, check=QUARANTINED)
    if event.status != Event.Status.QUARANTINED:
        raise CannotCorrect("It is being applied already.")
    event.status = Event.Status.RECEIVED
    event.save(update_fields=["status"])
    keep(
        case,
        action="case.retried",
        words="let it be applied again",
        actor=by.username,
        at=at,
        from_state=case.state,
        detail={"event": event.pk},
    )
    after_commit("apply")
    return event


@transaction.atomic
def wait_longer(
    *, case_id: int, days: int, by: User, at: datetime, version: int | None = None
) -> Event:
    """Give the order of a parked event more time; the case sleeps until then.

    Raises CannotCorrect, Conflict, NotAllowed.
    """
    case, event = _locked_event(case_id, by=by, version=version, check=PARKED)
    if event.status != Event.Status.PARKED:
        raise CannotCorrect("It does not wait any more.")
    before, until = case.state, at + timedelta(days=days)
    try:
        case.wait(waiting_for="system", until=until, at=at)
    except TransitionNotAllowed as refusal:
        raise CannotCorrect(f"This exception is {case.get_state_display().lower()}.") from refusal
    event.park_until = until
    event.save(update_fields=["park_until"])
    keep(
        case,
        action="case.waits_longer",
        words=f"gave it until {until:%d %b}",
        actor=by.username,
        at=at,
        from_state=before,
        detail={"event": event.pk, "until": until.isoformat()},
    )
    return event


def _locked_event(case_id: int, *, by: User, version: int | None, check: str) -> tuple[Case, Event]:
    case = locked(case_id)
    check_can_work(by, case)
    check_goes_on(case)
    check_unchanged(case, version=version)
    event_id = case.discrepancy.event_id
    if case.check_name != check or event_id is None or not case.is_open:
        raise CannotCorrect("This exception does not allow it.")
    return case, Event.objects.select_for_update(no_key=True).get(pk=event_id)


def _send(case: Case, message: Message, *, at: datetime) -> Event:
    """Store the corrected event under an identity of its own, or know what is there already."""
    found = case.discrepancy
    original = found.event or found.rejection
    assert original is not None
    known = Event.objects.filter(
        source=original.source,
        sender=message.envelope["source"],
        event_id=message.envelope["id"],
    ).first()
    if known is not None and known.pk != found.event_id and _says_same(known, message):
        return known
    name = message.envelope["id"] if known is None else _derived(message.envelope["id"], case)
    about = f"rejection-{original.pk}" if found.event is None else f"event-{original.pk}"
    said = structured(_as_text({**message.envelope, "id": name, "corrected": about}).encode())
    (receipt,) = ingest.store(source=original.source, messages=[said], at=at)
    if receipt.verdict not in (Verdict.NEW, Verdict.SEEN) or receipt.row_id is None:
        raise CannotCorrect("Its id is taken by another event. Give it another id.")
    return Event.objects.get(pk=receipt.row_id)


def _note(
    case: Case, changes: list[dict[str, Any]], event: Event, *, by: User, at: datetime
) -> None:
    """Tie the corrected event to the original, clear what was reported, settle the case."""
    found = case.discrepancy
    if found.event is not None:
        Event.objects.filter(pk=found.event.pk).update(status=Event.Status.CORRECTED)
        event.corrects = event.corrects or found.event
        event.save(update_fields=["corrects"])
    elif found.rejection is not None:
        RejectedEvent.objects.filter(pk=found.rejection.pk).update(resent_as=event)
    discrepancies.clear(
        check_name=found.check_name, event=found.event, rejection=found.rejection, at=at
    )
    before = case.state
    reason = f"Corrected and sent again as {event.event_id}."
    case.respond(at=at)
    case.settle(by=by.username, reason=reason, at=at)
    keep(
        case,
        action="case.corrected",
        words="corrected it and sent it again",
        actor=by.username,
        at=at,
        from_state=before,
        reason=reason,
        detail={
            "sent_as": event.pk,
            "event": found.event_id,
            "rejection": found.rejection_id,
            "what": event.event_id,
            "changes": changes,
        },
    )


def _told(draft: Draft, message: Message, event: Event) -> list[dict[str, Any]]:
    """List what was corrected, old and new. What may name a person is named without its value."""
    if draft.envelope is None:
        return [{"field": "", "old": "unreadable", "new": "written anew"}]
    new = {**message.envelope, "id": event.event_id}
    return [
        {"field": pointer, "old": "(not shown)", "new": "(not shown)"}
        if _may_name_a_person(pointer, str(new["type"]))
        else {"field": pointer, "old": old, "new": now}
        for pointer, old, now in schema_form.changes(draft.envelope, new)
    ]


def _may_name_a_person(pointer: str, type_: str) -> bool:
    """Tell whether a value may not stand on the trail: a person's, or of no known field."""
    if not pointer.startswith("/data/"):
        return pointer.strip("/") not in _ATTRIBUTES
    if pointer.startswith(_PERSONAL):
        return pointer not in _NOT_PERSONAL
    known = canonical.schemas()[canonical.types()[type_]].get("properties", {})
    return pointer.split("/")[2] not in known


def _envelope_of(event: Event) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event.event_id,
        "source": event.sender,
        "type": event.type,
        "time": event.occurred_at.isoformat(),
        "data": event.data,
    }


def _readable(text: str, rejection: RejectedEvent) -> dict[str, Any] | None:
    """Read a rejected message as an envelope, leniently; None if there is no JSON object in it."""
    value = _parsed(text)
    if not isinstance(value, dict):
        return None
    is_envelope = "specversion" in value or isinstance(value.get("data"), dict)
    known = value if is_envelope else {}
    data = known.get("data")
    return {
        "specversion": "1.0",
        "id": known.get("id") or f"corrected-{rejection.pk}",
        "source": known.get("source") or f"/{rejection.source.slug}",
        "type": known.get("type", ""),
        "time": known.get("time", ""),
        **{name: known[name] for name in ("dataschema", "subject") if name in known},
        "data": data if isinstance(data, dict) else {},
    }


def _parsed(text: str) -> Any:  # noqa: ANN401
    try:
        read = strict.read(text)
        if not read.problems:
            return read.value
    except NotJson:
        pass
    try:
        return json.loads(text.lstrip("\ufeff"), parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def _sent_before(event: Event) -> Event | None:
    return Event.objects.filter(corrects=event).order_by("pk").first()


def _says_same(known: Event, message: Message) -> bool:
    return bytes(known.sha256) == sha256(canonical_bytes(message)).digest()


def _derived(event_id: str, case: Case) -> str:
    """Name a corrected event whose own name is taken: the same for the same case."""
    end = f"~{case.discrepancy_id}"
    return f"{event_id[: _LONGEST_ID - len(end)]}{end}"


def _as_text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_number)


def _number(value: object) -> float | str:
    return float(value) if isinstance(value, Decimal) else str(value)

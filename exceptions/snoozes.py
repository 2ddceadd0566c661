"""Lays cases aside until a moment or a fact: conditions are data, met by what was applied since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection
from django.db.models import Q

from exceptions.models import Case, Snooze
from reconciliation import rulebook
from reconciliation.models import Event
from reconciliation.working_time import working_days

_HEARD = (Path(__file__).parent / "sql" / "heard.sql").read_text()


@dataclass(frozen=True)
class Condition:
    """What may wake a case before its moment: an event of its order whose type begins so."""

    words: str  # finishes "until …"
    events: tuple[str, ...]  # none: any event


@dataclass(frozen=True)
class Heard:
    """A sleeping case whose condition is met, and the event that met it."""

    case_id: int
    event_id: int
    why: str


CONDITIONS: Mapping[str, Condition] = {
    "news": Condition("anything new is heard of this order", ()),
    "settlement": Condition("the settlement arrives", ("settlement.",)),
    "payment": Condition("a payment is heard of", ("payment.",)),
    "invoice": Condition("an invoice is heard of", ("invoice.", "credit_note.")),
    "shipment": Condition("a parcel is heard of", ("shipment.",)),
    "subscription": Condition("the subscription is heard of", ("subscription.",)),
}


def offered(case: Case) -> list[tuple[str, str]]:
    """List the conditions that may wake a case, in words; none where it is about no order."""
    if case.order_id is None:
        return []
    return [(name, each.words) for name, each in CONDITIONS.items()]


def begin(
    case: Case, *, condition: Condition | None, until: datetime, by: str, reason: str, at: datetime
) -> None:
    """Note how long a locked case is laid aside, and what may wake it."""
    asked = {"words": condition.words, "events": list(condition.events)} if condition else {}
    Snooze.objects.create(
        case=case,
        by=by,
        at=at,
        until=until,
        condition=asked,
        known=_known(case, condition) if condition else 0,
        reason=reason,
    )
    case.waits_until = condition.words if condition else ""


def follow(case: Case, *, from_state: str, by: str, at: datetime) -> None:
    """End the snooze of a locked case that no longer waits; the caller saves the case."""
    if from_state == Case.State.WAITING and case.state != Case.State.WAITING:
        Snooze.objects.filter(case=case, ended_at__isnull=True).update(ended_at=at, ended_by=by)
        case.waits_until = ""


def heard(*, limit: int) -> list[Heard]:
    """Find sleeping cases whose condition is met, all in one question."""
    with connection.cursor() as cursor:
        cursor.execute(_HEARD, {"most": limit})
        return [
            Heard(case_id, event_id, f"{source} said {type_}")
            for case_id, event_id, type_, source in cursor.fetchall()
        ]


def window_ends(case: Case, *, at: datetime) -> datetime | None:
    """Say when the window of a case's check would end, did it begin now; None if it has none."""
    rules = rulebook.version(case.rulebook_version)
    parameters = rules.check(case.check_name).parameters
    hours: int | None = parameters.get("hours")
    days: int | None = parameters.get("business_days")
    if days:
        calendar = rules.calendar(parameters["calendar"])
        closings = working_days(around=at.date(), hours=calendar).closings
        return [closing for closing in closings if closing > at][days - 1]
    return at + timedelta(hours=hours) if hours else None


def _known(case: Case, condition: Condition) -> int:
    """Count the events that would meet a condition and are applied already."""
    meets = Q() if not condition.events else Q(pk__in=[])
    for beginning in condition.events:
        meets |= Q(type__startswith=beginning)
    told = Event.objects.filter(order=case.order_id, status=Event.Status.APPLIED)
    return told.exclude(source__kind="internal").filter(meets).count()

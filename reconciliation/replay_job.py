"""Replays many orders as a job: chosen by what their events are, compared, put right if asked."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from audit.record import record
from reconciliation import replay
from reconciliation.job_runner import Progress
from reconciliation.models import Event, Installation, Job, Order
from reconciliation.nudge import after_commit
from reconciliation.parting import Parting, partings
from reconciliation.put_right import CannotPutRight, check_may, put_right

KIND = "replay"
_STEP = 50  # orders; a step must be done well within the runner's lease
_MOST_LISTED = 200  # differing orders kept in the job's result; all are counted
_SET_ASIDE = (Event.Status.RECEIVED, Event.Status.QUARANTINED)


@dataclass(frozen=True)
class Filter:
    """Which orders: those with an event that is all of this. Empty: whatever it is."""

    order: str = ""
    source: str = ""  # slug
    type: str = ""
    status: str = ""
    since: str = ""  # moments of ISO 8601, of receipt
    until: str = ""

    def events(self) -> QuerySet[Event]:
        """Give the events that are all of this."""
        columns = {
            "order__canonical_id": self.order,
            "source__slug": self.source,
            "type": self.type,
            "status": self.status,
            "received_at__gte": self.since,
            "received_at__lt": self.until,
        }
        return Event.objects.filter(**{name: value for name, value in columns.items() if value})

    def words(self) -> str:
        """Say in words what is replayed."""
        said = [f"{each.name} {getattr(self, each.name)}" for each in fields(self)]
        chosen = [text for text in said if not text.endswith(" ")]
        return ", ".join(chosen) or "every order"


@dataclass(frozen=True)
class Estimate:
    """How much a replay would read."""

    events_chosen: int
    orders: int
    events: int  # of these orders, all of them: an order is rebuilt from zero
    without_order: int  # chosen events that belong to no order yet


def estimate(chosen: Filter) -> Estimate:
    """Count what a replay of these orders would read; changes nothing."""
    events = chosen.events()
    orders = _orders(chosen)
    return Estimate(
        events_chosen=events.count(),
        orders=orders.count(),
        events=Event.objects.filter(order__in=orders).exclude(status__in=_SET_ASIDE).count(),
        without_order=events.filter(order=None).count(),
    )


@transaction.atomic
def start(
    *, chosen: Filter, by: User | None, at: datetime, is_applied: bool = False, reason: str = ""
) -> Job:
    """Queue a replay. Raises NotAllowed, or CannotPutRight if it is to be applied without a reason.

    Nobody (`by` None) is the command line, which only compares.
    """
    if by is not None:
        check_may(by)
    if is_applied:
        _check(by, reason)
    Installation.objects.select_for_update().first()  # the trail's subject of such rows
    job = Job.objects.create(
        kind=KIND,
        title=f"Replay of {chosen.words()}"[:255],
        started_by=by,
        total=_orders(chosen).count(),
        parameters={"filter": asdict(chosen), "is_applied": is_applied, "reason": reason.strip()},
        created_at=at,
    )
    record(
        stream="system",
        subject_id=1,
        action="replay.started",
        actor=by.get_username() if by else "service:replay",
        at=at,
        reason=reason.strip(),
        detail={"job": job.pk, "what": chosen.words(), "is_applied": is_applied},
    )
    after_commit("jobs")
    return job


def step(job: Job, at: datetime) -> Progress:
    """Rebuild the next orders of a replay, and compare them; put right what differs if asked."""
    chosen = Filter(**job.parameters["filter"])
    last = int(job.checkpoint.get("last", 0))
    ids = list(_orders(chosen).filter(pk__gt=last).values_list("pk", flat=True)[:_STEP])
    found = partings(replay.rebuild(order_ids=ids, at=at)) if ids else []
    mended = _mend(job, found, at=at) if job.parameters["is_applied"] else {}
    return Progress(
        checkpoint={"last": ids[-1] if ids else last},
        done=job.done + len(ids),
        total=job.total,
        failed=job.failed + sum(bool(refusal) for refusal in mended.values()),
        result=_added(job.result, found, mended),
        is_over=len(ids) < _STEP,
    )


def _check(by: User | None, reason: str) -> None:
    if by is None:
        raise CannotPutRight("Say who applies it.")
    if not reason.strip():
        raise CannotPutRight("Say why. The reason stays on the trail of every order put right.")


def _orders(chosen: Filter) -> QuerySet[Order]:
    events = chosen.events().filter(order__isnull=False)
    return Order.objects.filter(pk__in=events.values("order_id")).order_by("pk")


def _mend(job: Job, found: Sequence[Parting], *, at: datetime) -> dict[str, str]:
    """Put orders right one by one; gives for each why it could not be, or nothing."""
    assert job.started_by is not None
    refusals: dict[str, str] = {}
    for parting in found:
        order = Order.objects.filter(canonical_id=parting.order).first()
        if parting.order in refusals or order is None:
            continue
        try:
            with_it = put_right(
                order_id=order.pk, reason=job.parameters["reason"], by=job.started_by, at=at
            )
        except CannotPutRight as refusal:
            refusals[parting.order] = str(refusal)
        else:
            refusals |= {each.order: "" for each in with_it}
    return refusals


def _added(
    result: Mapping[str, Any], found: Sequence[Parting], mended: Mapping[str, str]
) -> dict[str, Any]:
    """Add what a step found to the result; an order met twice, by its family, counts once."""
    listed = {row["order"]: row for row in result.get("differing", ())}
    new = [parting for parting in found if parting.order not in listed]
    listed |= {each.order: _row(each, mended.get(each.order)) for each in new}
    return {
        "differ": int(result.get("differ", 0)) + len(new),
        "put_right": int(result.get("put_right", 0))
        + sum(mended.get(each.order) == "" for each in new),
        "differing": list(listed.values())[:_MOST_LISTED],
    }


def _row(parting: Parting, refusal: str | None) -> dict[str, Any]:
    first = parting.differences[0]
    return {
        "order": parting.order,
        "event": parting.event_id,
        "what": f"{first.part}: {first.what}",
        "live": first.live,
        "rebuilt": first.rebuilt,
        "more": len(parting.differences) - 1,
        "put_right": refusal == "",
        "refusal": refusal or "",
    }

"""Tells the whole story of one order: how far it is, what was said, decided, written and undone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from audit.presenters import Line, lines
from audit.queries import trail
from exceptions.family_page import decision_facts, detail_of
from exceptions.models import Case, Comment
from exceptions.permissions import name_of
from reconciliation.fields.registered import check_titles
from reconciliation.models import Discrepancy, Event, Order, WriteBack
from reconciliation.money import as_text

NEWEST = 300  # entries on a page; the download has all
_TOLD_ELSEWHERE = {"case.commented"}
_A_DAY = timedelta(days=1)
_PATH = ("CREATED", "CONFIRMED", "FULFILLED", "BILLED", "RECONCILED", "CLOSED")
_EVENTS = {
    "order.created": "Order placed",
    "order.amended": "Order changed",
    "order.confirmed": "Order confirmed",
    "order.cancelled": "Order cancelled",
    "invoice.issued": "Invoice issued",
    "invoice.voided": "Invoice voided",
    "credit_note.issued": "Credit note issued",
    "payment.authorised": "Payment authorised",
    "payment.captured": "Payment taken",
    "payment.failed": "Charge failed",
    "payment.refunded": "Payment refunded",
    "payment.disputed": "Payment disputed",
    "payment.posted": "Payment posted to the ledger",
    "payment.unposted": "Posting taken back",
    "settlement.pending": "Settlement announced",
    "settlement.finalised": "Settlement paid",
    "payout.paid": "Paid out",
    "shipment.shipped": "Shipped",
    "shipment.delivered": "Delivered",
    "return.received": "Return received",
    "fulfilment.recorded": "Marked fulfilled",
    "fulfilment.unrecorded": "Fulfilment mark removed",
    "subscription.activated": "Subscription switched on",
    "subscription.deactivated": "Subscription switched off",
    "writeback.confirmed": "Write-back confirmed",
    "correction.recorded": "Correction recorded",
}
_AMOUNTS = ("total_minor", "amount_minor", "net_minor")
_BAD_EVENTS = {"payment.failed", "payment.disputed", "order.cancelled"}
_STATUS_WORDS = {
    "RECEIVED": "not applied yet",
    "PARKED": "waits for its order",
    "DUPLICATE": "said before, counted once",
    "QUARANTINED": "could not be applied",
    "CORRECTED": "sent again, corrected",
    "DISMISSED": "set aside as not ours",
}


@dataclass(frozen=True)
class Step:
    """One state on the way, as the stepper shows it."""

    name: str
    at: datetime | None
    tone: str  # done, current, stuck, cancelled or ahead
    note: str = ""


@dataclass(frozen=True)
class Entry:
    """One thing that happened, or will: what, who, when, and what proves it."""

    at: datetime
    text: str
    who: str
    kind: str  # event, state, people, write, comment
    tone: str = ""  # ok, bad, person, next or gap
    anchor: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    payload: Any = None
    reason: str = ""
    repeats: int = 0  # our number of the event, if it was taken for a repetition
    place: tuple[int, int] = (0, 0)  # orders what happened at one moment: facts come first


def steps(order: Order) -> list[Step]:
    """Say how far the order has come, when, and where it is stuck."""
    reached = _reached(order)
    if order.state == Order.State.CANCELLED:
        done = [Step(_word(name), reached[name], "done") for name in _PATH if name in reached]
        return [*done, Step("Cancelled", order.cancelled_at, "cancelled")]
    place = _PATH.index(order.state)
    is_stuck = order.verdict == Order.Verdict.BROKEN
    found = []
    for number, name in enumerate(_PATH):
        tone = "done" if number < place else "ahead"
        if number == place:
            tone = "done" if name == "CLOSED" else "stuck" if is_stuck else "current"
        found.append(Step(_word(name), reached.get(name), tone))
    return found


def stuck_because(order: Order) -> list[str]:
    """Name what keeps an order from being reconciled; nothing if nothing does."""
    titles = dict(check_titles())
    open_now = Discrepancy.objects.filter(order=order, cleared_at__isnull=True).order_by("pk")
    return [titles.get(name, name) for name in open_now.values_list("check_name", flat=True)]


def timeline(order: Order, *, kind: str = "", at: datetime) -> list[Entry]:
    """Give what will happen and what happened, newest first, with the silences between.

    `kind` narrows it to event, state, people, write, comment or problem.
    """
    found = sorted(_entries(order), key=lambda entry: (entry.at, entry.place), reverse=True)
    if kind:
        return [
            entry
            for entry in found
            if (entry.tone == "bad" if kind == "problem" else entry.kind == kind)
        ]
    ahead = sorted(_ahead(order, at=at), key=lambda entry: entry.at, reverse=True)
    return [*ahead, *_with_silences(found)]


def _reached(order: Order) -> dict[str, datetime]:
    """Find when the order last entered each state, by the trail."""
    found = {"CREATED": order.placed_at} if order.placed_at else {}
    for row in trail(stream="order", subject_id=order.pk):
        if row.to_state and row.to_state != row.from_state:
            found[row.to_state] = row.at
    return found


def _entries(order: Order) -> Iterator[Entry]:
    cases = list(Case.objects.filter(order=order))
    for event in order.events.select_related("source"):
        yield _of_event(event)
    yield from _of_trail("order", order.pk)
    for case in cases:
        yield from _of_trail("case", case.pk)
    for comment in _comments(cases):
        yield Entry(
            at=comment.at,
            text=f"“{comment.text}”",
            who=name_of(comment.by),
            kind="comment",
            tone="person",
            anchor=f"c-{comment.pk}",
            place=(2, comment.pk),
            facts=[("Exception", f"#{comment.case_id}"), *_attached(comment)],
        )
    for writeback in order.writebacks.all():
        yield from _of_trail("writeback", writeback.pk)


def _comments(cases: list[Case]) -> QuerySet[Comment]:
    return Comment.objects.filter(case__in=cases).to_show()


def _attached(comment: Comment) -> list[tuple[str, str]]:
    names = ", ".join(each.name for each in comment.attachments.all())
    return [("Attached", names)] if names else []


def _of_event(event: Event) -> Entry:
    amount = next((event.data[name] for name in _AMOUNTS if name in event.data), None)
    text = _EVENTS.get(event.type, event.type)
    if event.reference and event.reference != event.order_reference:
        text = f"{text} {event.reference}"
    if isinstance(amount, int):
        text = f"{text}, {as_text(amount, str(event.data.get('currency', '')))}"
    status = _STATUS_WORDS.get(event.status, "")
    is_bad = event.status == "QUARANTINED" or event.type in _BAD_EVENTS
    return Entry(
        at=event.occurred_at,
        text=f"{text} ({status})" if status else text,
        who=event.source.name,
        kind="event",
        tone="bad" if is_bad else "" if status else "ok",
        anchor=f"v-{event.pk}",
        place=(0, event.pk),
        facts=[
            ("Event", f"{event.event_id} from {event.sender}"),
            ("Type", event.type),
            ("Received", _stamp(event.received_at)),
            *([("Applied", _stamp(event.applied_at))] if event.applied_at else []),
            *((("Why", "; ".join(map(str, event.reasons))),) if event.reasons else ()),
        ],
        payload=event.data,
        repeats=event.pk if event.status == "DUPLICATE" else 0,
    )


def _of_trail(stream: str, subject_id: int) -> Iterator[Entry]:
    """Tell one subject's trail; what is told by the comment or the event itself is left out."""
    rows = list(trail(stream=stream, subject_id=subject_id).defer(None))
    for row, line in zip(rows, lines(rows), strict=True):
        if row.action not in _TOLD_ELSEWHERE:
            is_payout = row.action.startswith("payout.")
            more = decision_facts(detail_of(bytes(row.body))) if is_payout else []
            yield _of_line(row.action, line, more)


def _of_line(action: str, line: Line, more: list[tuple[str, str]]) -> Entry:
    is_write = action.startswith(("repair.", "writeback."))
    return Entry(
        at=line.at,
        text=f"{line.what} ({line.subject.name})" if action.startswith("case.") else line.what,
        who=line.who,
        kind="people" if line.is_person else "write" if is_write else "state",
        tone=_tone(action, is_person=line.is_person),
        anchor=f"a-{line.id}",
        place=(1, line.id),
        reason=line.reason,
        facts=[
            *more,
            ("Audit entry", f"{line.stream}, number {line.sequence}"),
            ("Recorded", _stamp(line.recorded_at)),
            *([("Rulebook", f"v{line.rulebook_version}")] if line.rulebook_version else []),
            *([("Caused by event", str(line.cause_event_id))] if line.cause_event_id else []),
        ],
    )


def _ahead(order: Order, *, at: datetime) -> Iterator[Entry]:
    """Tell what will happen by itself, if nothing comes in between."""
    recheck = getattr(order, "recheck", None)
    if recheck is not None and recheck.due_at > at:
        titles = dict(check_titles())
        what = titles.get(recheck.reason, "all that rest on time")
        yield _next(recheck.due_at, f"Next: judged again for “{what}”", "Reconciliation")
    owed = order.writebacks.filter(state__in=["DUE", "UNKNOWN"], next_attempt_at__gt=at)
    for writeback in owed.select_related("target"):
        yield _next(
            _moment(writeback.next_attempt_at),
            f"Next: try {writeback.attempts + 1} of “{_word(writeback.action)}”",
            writeback.target.name,
        )
    open_now = Case.objects.filter(order=order, closed_at__isnull=True, next_escalation_at__gt=at)
    for case in open_now:
        yield _next(
            _moment(case.next_escalation_at), f"Next: exception #{case.pk} escalates", "Clock"
        )


def _next(at: datetime, text: str, who: str) -> Entry:
    return Entry(at=at, text=text, who=who, kind="next", tone="next")


def _with_silences(entries: list[Entry]) -> Iterator[Entry]:
    """Put a line where nothing happened for more than a day; `entries` are newest first."""
    for place, entry in enumerate(entries):
        yield entry
        if place + 1 == len(entries):
            return
        silence = entry.at - entries[place + 1].at
        if silence > _A_DAY:
            days = silence.days
            text = f"{days} day{'s' if days > 1 else ''} of nothing"
            yield Entry(at=entry.at, text=text, who="", kind="gap", tone="gap")


def _tone(action: str, *, is_person: bool) -> str:
    if action in {"discrepancy.opened", "case.opened", "repair.failed", "writeback.failed"}:
        return "bad"
    if action in {"payout.differs", "payout.missing"}:
        return "bad"
    if action in {"discrepancy.cleared", "case.settled", "repair.delivered", "payout.matches"}:
        return "ok"
    return "person" if is_person else ""


def _word(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _moment(at: datetime | None) -> datetime:
    assert at is not None  # the query asked for it
    return at


def writebacks(order: Order) -> list[WriteBack]:
    """List what was owed to sources for this order, newest first."""
    return list(order.writebacks.select_related("target").order_by("-pk"))

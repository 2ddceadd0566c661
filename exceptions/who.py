"""Answers who owns an order now: owner, team, next action, deadline, and proof of who was told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Q

from exceptions import words
from exceptions.clocks import steps_of
from exceptions.models import Case, Handoff, Message
from exceptions.permissions import name_of, readable_cases
from exceptions.repairs import KINDS
from exceptions.rows import Sla
from exceptions.sla import StepTime
from exceptions.table import Names
from reconciliation.models import Alias, Event, Order
from reconciliation.order_list import state_words

_WHOM = {"owner": "the owner", "lead": "the team's lead", "executive": "the executives"}


@dataclass(frozen=True)
class Told:
    """The last message about a case: proof that someone was told, or that it failed."""

    whom: str
    channel: str
    at: datetime
    is_good: bool
    outcome: str  # "Delivered", "Failed after 5 tries: …", "On its way, 2 tries"


@dataclass(frozen=True)
class Owned:
    """One open exception of an order, and who has it."""

    case_id: int
    title: str
    about: str  # the order or part that it is about
    severity: str
    state: str
    owner: str  # "" while nobody has taken it
    team: str
    team_href: str
    since: datetime
    next_action: str
    due: Sla
    escalates_at: datetime | None
    escalates_to: str
    told: Told | None
    may_open: bool


@dataclass(frozen=True)
class Answer:
    """Who owns an order now."""

    canonical_id: str
    known_as: str  # what was asked for, where that is another name of it
    state: str
    open: list[Owned]
    steward: str  # who answers for an order with nothing open
    steward_href: str
    closed_at: datetime | None  # the last exception, if any was closed
    closed_by: str


def who_owns(*, asked: str, user: User, at: datetime) -> list[Answer]:
    """Find every order that `asked` means by any of its names, and who owns it as of `at`."""
    return [_answer(order, asked=asked, user=user, at=at) for order in _orders(asked)]


def _orders(asked: str) -> list[Order]:
    """Find orders by canonical ID, by an alias, or by an event's own id; merged ones lead on."""
    by_name = Alias.objects.filter(value=asked).values("order_id")
    by_event = Event.objects.filter(event_id=asked).values("order_id")
    named = Q(canonical_id=asked) | Q(pk__in=by_name) | Q(pk__in=by_event)
    related = ("merged_into", "detail__source__owner_team", "parent")
    found = Order.objects.filter(named).select_related(*related).order_by("pk")[:10]
    stand = {(order.merged_into or order).pk: order.merged_into or order for order in found}
    return list(stand.values())


def _answer(order: Order, *, asked: str, user: User, at: datetime) -> Answer:
    family = Q(order=order) | Q(order__parent=order)
    if order.parent_id is not None:
        family |= Q(order_id=order.parent_id)
    related = ("owner", "team__calendar", "order", "clock_plan")
    cases = Case.objects.filter(family, closed_at__isnull=True).select_related(*related)
    found = list(cases.order_by("resolve_due_at", "pk"))
    mine = set(
        readable_cases(user).filter(pk__in=[case.pk for case in found]).values_list("pk", flat=True)
    )
    names, told = Names.read(), _told(found)
    last = Case.objects.filter(family, closed_at__isnull=False).order_by("-closed_at").first()
    steward = _steward(order)
    return Answer(
        canonical_id=order.canonical_id,
        known_as="" if asked == order.canonical_id else asked,
        state=state_words(order),
        open=[
            _owned(case, names=names, told=told.get(case.pk), may_open=case.pk in mine, at=at)
            for case in found
        ],
        steward=steward[0],
        steward_href=steward[1],
        closed_at=last.closed_at if last else None,
        closed_by=last.closed_by if last else "",
    )


def _owned(case: Case, *, names: Names, told: Told | None, may_open: bool, at: datetime) -> Owned:
    step = _next_step(case)
    return Owned(
        case_id=case.pk,
        title=names.checks.get(case.check_name, case.check_name),
        about=case.order.canonical_id if case.order else "",
        severity=case.severity,
        state=words.state(case),
        owner=name_of(case.owner) if case.owner else "",
        team=case.team.name,
        team_href=f"/teams/{case.team.slug}/",
        since=case.changed_at,
        next_action=_next_action(case),
        due=words.resolve_clock(case, at=at),
        escalates_at=case.next_escalation_at,
        escalates_to=_WHOM.get(step.to, step.to) if step else "",
        told=told,
        may_open=may_open,
    )


def _next_action(case: Case) -> str:
    """Say what happens next, and who does it."""
    coming = case.handoffs.select_related("to_team").filter(state=Handoff.State.WAITING).first()
    if coming is not None:
        due = words.moment(coming.accept_due_at)
        return f"{coming.to_team.name} accepts or bounces the handoff by {due} UTC"
    who = name_of(case.owner) if case.owner else f"{case.team.name} takes it, then"
    if case.next_automatic_at is not None:
        return f"The product tries a repair at {words.moment(case.next_automatic_at)} UTC"
    if case.state == Case.State.VERIFYING:
        return "The product waits for the check to hold after the repair"
    if case.snoozed_until is not None:
        return f"It wakes at {words.moment(case.snoozed_until)} UTC, then {who} goes on"
    kind = KINDS.get(case.recommended_repair)
    return f"{who}: {kind.TITLE}" if kind else f"{who}: compare the sources and put it right"


def _next_step(case: Case) -> StepTime | None:
    fired = set(case.escalations.values_list("step", flat=True))
    return next((step for step in steps_of(case) if step.number not in fired), None)


def _told(cases: Sequence[Case]) -> dict[int, Told]:
    """Find the newest message about each case, and what came of it."""
    newest = Message.objects.filter(case__in=cases).select_related("recipient", "via")
    rows = newest.order_by("case_id", "-created_at", "-pk").distinct("case_id")
    return {row.case_id: _message(row) for row in rows if row.case_id is not None}


def _message(row: Message) -> Told:
    tries = "1 try" if row.attempts == 1 else f"{row.attempts} tries"
    outcome = {
        "SENT": "Delivered",
        "FAILED": f"Failed after {tries}: {row.error}",
        "DUE": f"On its way, {tries} so far" + (f": {row.error}" if row.error else ""),
    }[row.state]
    return Told(
        whom=name_of(row.recipient) if row.recipient else f"{row.via}",
        channel=row.channel,
        at=row.sent_at or row.created_at,
        is_good=row.state == Message.State.SENT,
        outcome=outcome,
    )


def _steward(order: Order) -> tuple[str, str]:
    """Name the team that owns the source the order came from."""
    detail = getattr(order, "detail", None)
    source = detail.source if detail is not None else None
    if source is None:
        return "", ""
    return source.owner_team.name, f"/teams/{source.owner_team.slug}/"

"""Addresses people: who is meant by owner, lead or executive, and a message to each."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q

from audit.record import record
from exceptions.models import Case, Escalation, Message
from exceptions.permissions import ADMIN, OPERATOR, TEAM_LEAD, name_of
from exceptions.sla import StepTime
from reconciliation import rulebook
from reconciliation.models import Team
from reconciliation.money import as_text

OWNER, LEAD, EXECUTIVE = "owner", "lead", "executive"
INBOX, MAIL = "inbox", "mail"


def recipients(*, case: Case, to: str) -> list[User]:
    """Find who is meant; a case without an owner has its lead, a team without one the admins."""
    people = User.objects.filter(is_active=True)
    if to == OWNER and case.owner is not None:
        return [case.owner]
    if to == EXECUTIVE:
        found = people.filter(groups__name="Executive")
    else:
        found = people.filter(memberships__team_id=case.team_id, memberships__is_lead=True)
    chosen = list(found.distinct().order_by("pk"))
    admins = people.filter(Q(is_superuser=True) | Q(groups__name=ADMIN))
    return chosen or list(admins.distinct().order_by("pk"))


def fire(*, case: Case, step: StepTime, why: str, actor: str, at: datetime) -> list[User]:
    """Take one step of a locked case's plan: record it, and leave a message for each person.

    The unique (case, step) makes a second firing fail with everything around it.
    """
    fired = Escalation.objects.create(
        case=case, step=step.number, due_at=step.due_at, fired_at=at, to=step.to
    )
    title = rulebook.version(case.rulebook_version).check(case.check_name).title
    told = tell(
        case=case,
        to=step.to,
        subject=f"{case.severity} {title}, {why}",
        text=_text(case, title=title, why=why),
        at=at,
        escalation=fired,
    )
    names = ", ".join(name_of(person) for person in told)
    record(
        stream="case",
        subject_id=case.pk,
        action="case.escalated",
        actor=actor,
        at=at,
        from_state=case.state,
        to_state=case.state,
        reason=f"{why}; told {names or 'nobody, for there is no lead and no admin'}",
        rulebook_version=case.rulebook_version,
        detail={"step": step.number, "to": step.to, "told": [person.username for person in told]},
    )
    return told


def tell(
    *,
    case: Case,
    to: str,
    subject: str,
    text: str,
    at: datetime,
    escalation: Escalation | None = None,
) -> list[User]:
    """Leave a message for each person meant, in the inbox and for every outside channel."""
    found = recipients(case=case, to=to)
    tell_people(case=case, people=found, subject=subject, text=text, at=at, escalation=escalation)
    return found


def tell_people(
    *,
    case: Case,
    people: Sequence[User],
    subject: str,
    text: str,
    at: datetime,
    escalation: Escalation | None = None,
) -> None:
    """Leave a message for each of these people, in the inbox and for every outside channel."""
    channels = (INBOX, MAIL) if settings.NOTIFY_URLS else (INBOX,)
    Message.objects.bulk_create(
        Message(
            recipient=person,
            case=case,
            escalation=escalation,
            channel=channel,
            subject=subject[:255],
            text=text,
            # The inbox is the product's own page: a message is there once its row is.
            state=Message.State.SENT if channel == INBOX else Message.State.DUE,
            sent_at=at if channel == INBOX else None,
            next_attempt_at=None if channel == INBOX else at,
            created_at=at,
        )
        for person in people
        for channel in channels
    )


def leads_of(team: Team) -> list[User]:
    """Find a team's leads; the admins stand in where it has none."""
    active = User.objects.filter(is_active=True)
    leads = active.filter(memberships__team=team, memberships__is_lead=True).order_by("pk")
    admins = active.filter(Q(is_superuser=True) | Q(groups__name=ADMIN)).order_by("pk")
    return list(leads.distinct()) or list(admins.distinct())


def who_answers(team: Team) -> list[User]:
    """Find who of a team may take a case over: its operators and leads; else as `leads_of`."""
    working = User.objects.filter(
        is_active=True, memberships__team=team, groups__name__in=[OPERATOR, TEAM_LEAD, ADMIN]
    )
    return list(working.distinct().order_by("pk")) or leads_of(team)


def _text(case: Case, *, title: str, why: str) -> str:
    """Write what a person needs to know before they open the case."""
    about = case.order.canonical_id if case.order else "no order"
    owner = name_of(case.owner) if case.owner else "nobody yet"
    lines = [
        f"Exception #{case.pk}: {title} ({why}).",
        f"Order: {about}. At risk: {as_text(case.at_risk_minor, case.currency)}.",
        f"Team: {case.team.name}. Owner: {owner}.",
    ]
    if case.resolve_due_at is not None:
        lines.append(f"Due: {case.resolve_due_at:%d %b %Y %H:%M} UTC.")
    return "\n".join(lines)

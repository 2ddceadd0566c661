"""Addresses people: who is meant by owner, lead or executive, and a message to each."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Q

from audit.record import record
from exceptions import preferences
from exceptions.models import Case, Escalation, Message
from exceptions.permissions import ADMIN, OPERATOR, TEAM_LEAD, name_of
from exceptions.sla import StepTime
from exceptions.words import duration
from reconciliation import rulebook
from reconciliation.models import Team
from reconciliation.money import as_text

OWNER, LEAD, HEAD, EXECUTIVE = "owner", "lead", "head", "executive"
INBOX, OWN, TEAM = "inbox", "own", "team"
_LATE = timedelta(minutes=1)


def recipients(*, case: Case, to: str) -> list[User]:
    """Find who is meant; a case without an owner has its lead, a team without one the admins.

    A team's heads are the executives on it; without one, its leads.
    """
    people = User.objects.filter(is_active=True)
    if to == OWNER and case.owner is not None:
        return [case.owner]
    executives = people.filter(groups__name="Executive")
    leads = people.filter(memberships__team_id=case.team_id, memberships__is_lead=True)
    found = {EXECUTIVE: executives, HEAD: executives.filter(memberships__team_id=case.team_id)}
    chosen = list(found.get(to, leads).distinct().order_by("pk"))
    if not chosen and to == HEAD:
        chosen = list(leads.distinct().order_by("pk"))
    admins = people.filter(Q(is_superuser=True) | Q(groups__name=ADMIN))
    return chosen or list(admins.distinct().order_by("pk"))


def fire(*, case: Case, step: StepTime, why: str, actor: str, at: datetime) -> list[User]:
    """Take one step of a locked case's plan: record it, and leave a message for each person.

    The unique (case, step) makes a second firing fail with everything around it.
    """
    fired = Escalation.objects.create(
        case=case, step=step.number, due_at=step.due_at, fired_at=at, to=step.to
    )
    late = at - step.due_at
    if late > _LATE:
        why = f"{why} (said {duration(late)} late)"
    title = rulebook.version(case.rulebook_version).check(case.check_name).title
    told = tell(
        case=case,
        to=step.to,
        subject=f"{case.severity} {title}, {why}",
        text=_text(case, title=title, why=why),
        at=at,
        escalation=fired,
    )
    if TEAM in step.how:
        _tell_team(case, fired, subject=f"{case.severity} {title}, {why}", at=at)
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
        detail={
            "step": step.number,
            "to": step.to,
            "how": list(step.how),
            "told": [person.username for person in told],
            "late_seconds": int(late.total_seconds()) if late > _LATE else 0,
        },
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
    """Leave a message for each person meant, in the inbox and as they prefer outside."""
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
    address(
        people,
        subject=subject,
        text=text,
        severity=case.severity,
        at=at,
        case=case,
        escalation=escalation,
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


def address(
    people: Sequence[User],
    *,
    subject: str,
    text: str,
    severity: str,
    at: datetime,
    case: Case | None = None,
    escalation: Escalation | None = None,
    href: str = "",
) -> None:
    """Leave a message in each person's inbox, and one for the channel that they prefer.

    Quiet hours hold the latter back, but never that of a P1.
    """
    said = {"subject": subject[:255], "text": text, "severity": severity, "created_at": at}
    about = {"case": case, "escalation": escalation, "href": href}
    kept = Message.objects.bulk_create(
        # The inbox is the product's own page: a message is there once its row is.
        Message(
            recipient=person, channel=INBOX, state=Message.State.SENT, sent_at=at, **said, **about
        )
        for person in people
    )
    ways, chosen = preferences.ways_of(people), preferences.preferences_of(people)
    outside = []
    for person, copy_of in zip(people, kept, strict=True):
        wish = chosen[person.pk]
        order = preferences.order_of(ways[person.pk], chosen=wish, severity=severity)
        urgent = severity == preferences.URGENT
        if order:
            outside.append(
                Message(
                    recipient=person,
                    channel=OWN if order[0].channel else preferences.MAIL,
                    via=order[0].channel,
                    copy_of=copy_of,
                    next_attempt_at=at if urgent else preferences.quiet_until(wish, at=at),
                    **said,
                    **about,
                )
            )
    Message.objects.bulk_create(outside)


def _tell_team(case: Case, fired: Escalation, *, subject: str, at: datetime) -> None:
    """Leave a message for each of the team's own channels."""
    Message.objects.bulk_create(
        Message(
            case=case,
            escalation=fired,
            channel=TEAM,
            via=channel,
            subject=subject[:255],
            text=_text(case, title=subject, why="to the whole team"),
            severity=case.severity,
            next_attempt_at=at,
            created_at=at,
        )
        for channel in case.team.channels.filter(removed_at__isnull=True).order_by("pk")
    )


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

"""Tells of a case's handoffs: the one that waits, the earlier ones, and the time they cost."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User

from exceptions import words
from exceptions.duty import WORKERS
from exceptions.models import Case, Handoff
from exceptions.permissions import name_of, refusal_to_answer
from exceptions.rows import HandoffRow, Handoffs, Permission
from reconciliation.models import Membership, Team

_STATES = {
    "WAITING": "Waits for an answer",
    "ACCEPTED": "Accepted",
    "BOUNCED": "Bounced",
    "LAPSED": "Not answered in time",
    "WITHDRAWN": "Taken back",
    "OVERTAKEN": "Closed meanwhile",
}


def handoffs_of(case: Case, *, user: User, why_not: str, at: datetime) -> Handoffs:
    """Gather what `user` is shown of a case's handoffs; `why_not` keeps them from working it."""
    related = ("from_team", "to_team", "to_person", "sent_by")
    found = list(case.handoffs.select_related(*related).order_by("-pk"))
    waiting = next((each for each in found if each.state == Handoff.State.WAITING), None)
    state = "" if case.is_open else f"It is {words.state(case).lower()}."
    if case.state == Case.State.VERIFYING:
        state = "It is repaired, and waits for its check."
    sent = f"It waits for {waiting.to_team.name}." if waiting else ""
    refusal = state or (refusal_to_answer(user, waiting) if waiting else "Nothing waits.")
    may_send = not (why_not or state or sent)
    return Handoffs(
        waiting=_row(waiting, at=at) if waiting else None,
        past=[_row(each, at=at) for each in found if each is not waiting],
        lost=lost(found),
        send=_permission(why_not or state or sent),
        answer=_permission(refusal),
        withdraw=_permission(why_not or ("" if waiting else "Nothing waits.")),
        teams=_teams(case) if may_send else [],
        people=_people(case) if may_send else [],
    )


def lost(handoffs: list[Handoff]) -> str:
    """Say how often it came back and how much time that cost; "" for never."""
    spent = [
        each.answered_at - each.sent_at
        for each in handoffs
        if each.state in Handoff.CAME_BACK and each.answered_at is not None
    ]
    times = "once" if len(spent) == 1 else f"{len(spent)} times"
    return f"Came back {times}, {words.duration(sum(spent, timedelta()))} lost" if spent else ""


def _row(handoff: Handoff, *, at: datetime) -> HandoffRow:
    return HandoffRow(
        id=handoff.pk,
        from_team=handoff.from_team.name,
        to_team=handoff.to_team.name,
        to_person=name_of(handoff.to_person) if handoff.to_person else "",
        sent_by=name_of(handoff.sent_by),
        sent_at=handoff.sent_at,
        reason=handoff.reason,
        state_text=_STATES[handoff.state],
        accept_due=_accept_text(handoff, at=at),
        answered_by=_answered_by(handoff),
        answered_at=handoff.answered_at,
        answer=handoff.answer,
        took=words.duration((handoff.answered_at or at) - handoff.sent_at),
    )


def _accept_text(handoff: Handoff, *, at: datetime) -> str:
    """Say how long there is to answer, or how long ago there was."""
    left = handoff.accept_due_at - at
    return f"{words.duration(abs(left))} {'left' if left >= timedelta() else 'over'}"


def _answered_by(handoff: Handoff) -> str:
    if handoff.answered_by.startswith("service:"):
        return "the product"
    person = User.objects.filter(username=handoff.answered_by).first()
    return name_of(person) if person else handoff.answered_by


def _permission(why_not: str) -> Permission:
    return Permission(not why_not, why_not)


def _teams(case: Case) -> list[tuple[str, str]]:
    others = Team.objects.exclude(pk=case.team_id).order_by("name")
    return list(others.values_list("slug", "name"))


def _people(case: Case) -> list[tuple[str, str, str]]:
    """List who of the other teams works cases, each once with their teams."""
    members = (
        Membership.objects.exclude(team_id=case.team_id)
        .filter(user__is_active=True, user__groups__name__in=WORKERS)
        .select_related("user", "team")
        .distinct()
        .order_by("user__first_name", "user__last_name", "user__username", "team__name")
    )
    teams: dict[User, list[str]] = {}
    for member in members:
        teams.setdefault(member.user, []).append(member.team.name)
    return [(user.username, name_of(user), ", ".join(names)) for user, names in teams.items()]

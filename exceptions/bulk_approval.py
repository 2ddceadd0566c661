"""Who agrees to a large bulk, and how they and whoever asked are told."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q

from exceptions import messages
from exceptions.bulk_set import sums
from exceptions.bulk_verbs import REPAIR, VERBS
from exceptions.models import Bulk
from exceptions.permissions import ADMIN, SENIOR_TIER, TEAM_LEAD, name_of, roles, teams_of
from exceptions.repairs import KINDS
from reconciliation.money import as_text


def refusal_to_decide(asked: Bulk, by: User) -> str:
    """Say why `by` may not agree to it; "" if they may."""
    held = roles(by)
    if not held & {TEAM_LEAD, ADMIN}:
        return "Needs Team lead: a second person agrees to large ones."
    if asked.asked_by_id == by.pk:
        return "You asked for it: another Team lead agrees to it."
    others = Q(case__team__in=teams_of(by))
    if ADMIN not in held and asked.items.exclude(others).exists():
        return "Needs a lead of every team whose exceptions are in it, or an Admin."
    return ""


def needs_second(asked: Bulk) -> str:
    """Say why a second person agrees to it first; "" if none is needed."""
    due = asked.items.filter(outcome="DUE")
    number = due.count()
    if number > settings.BULK_ALONE_ITEMS:
        return f"{number:,} exceptions: more than {settings.BULK_ALONE_ITEMS} need a second person."
    for amount_minor, currency in sums(due):
        if amount_minor > settings.BULK_ALONE_MINOR:
            limit = as_text(settings.BULK_ALONE_MINOR, currency)
            return f"{as_text(amount_minor, currency)} at risk: more than {limit} needs a second."
    if asked.verb == REPAIR and is_senior(asked):
        return "Some of it moves money or cannot be undone."
    return ""


def is_senior(asked: Bulk) -> bool:
    """Tell whether a repair in it moves money or cannot be undone."""
    senior = [name for name, kind in KINDS.items() if kind.TIER >= SENIOR_TIER]
    return asked.items.filter(outcome="DUE", repair__in=senior).exists()


def title_of(asked: Bulk) -> str:
    """Say in words what it does: "Repair 3 ticked exceptions"."""
    verb = VERBS[asked.verb].title
    return f"Undo “{verb}” of {asked.words}" if asked.undoes_id else f"{verb} {asked.words}"


def deciders(asked: Bulk) -> list[User]:
    """Find who may agree to it: leads of every team whose exceptions are in it, else the admins."""
    others = User.objects.filter(is_active=True).exclude(pk=asked.asked_by_id).order_by("pk")
    leads = others.filter(groups__name=TEAM_LEAD)
    for team_id in asked.items.order_by().values_list("case__team", flat=True).distinct():
        leads = leads.filter(memberships__team=team_id)
    admins = others.filter(Q(is_superuser=True) | Q(groups__name=ADMIN))
    return list(leads.distinct()) or list(admins.distinct())


def ask_leads(asked: Bulk, *, at: datetime) -> None:
    """Tell whoever may agree to it that it waits for them."""
    number = asked.items.filter(outcome="DUE").count()
    at_risk = ", ".join(as_text(*each) for each in sums(asked.items.filter(outcome="DUE")))
    reason = str(asked.arguments.get("reason", ""))
    lines = [
        f"{number:,} exception{'' if number == 1 else 's'}; {at_risk or 'nothing'} at risk.",
        asked.needs,
        reason and f"Reason: {reason}",
        "Nothing is done before a second person agrees.",
    ]
    messages.address(
        deciders(asked),
        subject=f"{name_of(asked.asked_by)} asks you to agree: {title_of(asked)}",
        text="\n".join(filter(None, lines)),
        severity=min(asked.items.values_list("case__severity", flat=True)),
        at=at,
        href=_href(asked),
    )


def answer(asked: Bulk, said: str, *, at: datetime, text: str = "") -> None:
    """Tell whoever asked what a second person said."""
    messages.address(
        [asked.asked_by], subject=said, text=text, severity="P3", at=at, href=_href(asked)
    )


def _href(asked: Bulk) -> str:
    return f"/exceptions/bulk/{asked.pk}/"

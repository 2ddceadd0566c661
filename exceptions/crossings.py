"""Finds clocks that have come to a mark: the first step of their escalation, or their end."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q

from exceptions import words
from exceptions.models import Case, Escalation
from exceptions.table import Names

_MOST_SAID = 3  # more is a list, which nobody wants read out


def in_window(since: datetime, until: datetime) -> Q:
    """Find cases whose clock took a step or ran out after `since`, up to `until`."""
    fired = Escalation.objects.filter(
        case=OuterRef("pk"), fired_at__gt=since, fired_at__lte=until
    )  # case by case: so few are asked about
    return Q(resolve_due_at__gt=since, resolve_due_at__lte=until) | Q(Exists(fired))


def said(
    *, user: User, since: datetime, until: datetime, at: datetime, case_id: int | None = None
) -> str:
    """Say which cases of one's own came to a mark, each once if windows follow one another."""
    mine = Case.objects.filter(
        owner=user, closed_at__isnull=True, merged_into__isnull=True, paused_minutes_left=None
    )
    if case_id is not None:
        mine = mine.filter(pk=case_id)
    crossed = mine.filter(in_window(since, until)).select_related("order", "team", "clock_plan")
    found = list(crossed.order_by("resolve_due_at", "pk")[: _MOST_SAID + 1])
    if not found:
        return ""
    names = Names.read()
    parts = [_sentence(case, names=names, at=at) for case in found[:_MOST_SAID]]
    return " ".join([*parts, "And more of yours."][: len(found)])


def _sentence(case: Case, *, names: Names, at: datetime) -> str:
    clock = words.resolve_clock(case, at=at)
    about = case.order.canonical_id if case.order else f"#{case.pk}"
    title = names.checks.get(case.check_name, case.check_name)
    return f"Yours: {title}, {about}: {clock.text}{clock.hours}."

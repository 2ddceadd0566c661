"""Puts into an empty database what the product cannot work without; safe to run again."""

from datetime import datetime, time

from django.contrib.auth.models import Group
from django.db import transaction
from simple_history.utils import bulk_create_with_history

from audit.record import record
from exceptions import shipped_views
from reconciliation import rulebook
from reconciliation.models import Calendar, Installation, Source, Team

ACTOR = "service:install"
ROLES = (
    "Operator",
    "Team lead",
    "Rule editor",
    "Rule approver",
    "Executive",
    "Auditor",
    "Platform owner",
    "Admin",
)
TEAMS = {
    "revenue-ops": "Revenue ops",
    "customer-ops": "Customer ops",
    "fulfilment-ops": "Fulfilment ops",
    "platform": "Platform",
    "triage": "Operations triage",
    "enrichment": "Data enrichment",
}
CATCH_ALL = "triage"
OFFICE_HOURS, ALWAYS = "Office hours", "Always"


@transaction.atomic
def install(*, at: datetime) -> None:
    """Add roles, calendars, teams, the internal source and rulebook version 1 where missing.

    Never changes a row that is there: people may have renamed a team or moved its hours since.
    """
    installation, is_new = Installation.objects.get_or_create(id=1)
    Group.objects.bulk_create((Group(name=name) for name in ROLES), ignore_conflicts=True)
    _add_calendars()
    _add_teams()
    _add_internal_source(at=at)
    shipped_views.install()
    rulebook.publish_first(at=at)
    if is_new:
        record(
            stream="system",
            subject_id=installation.id,
            action="system.installed",
            actor=ACTOR,
            at=at,
        )


def _add_calendars() -> None:
    Calendar.objects.get_or_create(
        name=OFFICE_HOURS,
        defaults={
            "time_zone": "Europe/Berlin",
            "opens": time(9),
            "closes": time(18),
            "weekdays": [1, 2, 3, 4, 5],
        },
    )
    Calendar.objects.get_or_create(
        name=ALWAYS,
        defaults={
            "time_zone": "UTC",
            "opens": time.min,
            "closes": time.max,  # a day's last moment; a day has no 24:00
            "weekdays": [1, 2, 3, 4, 5, 6, 7],
        },
    )


def _add_teams() -> None:
    hours = Calendar.objects.get(name=OFFICE_HOURS)
    has_catch_all = Team.objects.filter(is_catch_all=True).exists()
    known = set(Team.objects.values_list("slug", flat=True))
    missing = [
        Team(
            slug=slug,
            name=name,
            calendar=hours,
            is_catch_all=slug == CATCH_ALL and not has_catch_all,
        )
        for slug, name in TEAMS.items()
        if slug not in known
    ]
    bulk_create_with_history(missing, Team)


def _add_internal_source(*, at: datetime) -> None:
    source, is_new = Source.objects.get_or_create(
        slug="reconcile",
        defaults={
            "name": "Reconciliation",
            "kind": "internal",
            "owner_team": Team.objects.get(slug="platform"),
            "truth_for": ["correction."],
        },
    )
    if is_new:
        record(
            stream="source",
            subject_id=source.pk,
            action="source.connected",
            actor=ACTOR,
            at=at,
            detail={"slug": source.slug, "name": source.name},
        )

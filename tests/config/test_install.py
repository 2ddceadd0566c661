"""The installer: everything there once, nothing twice, nobody's change undone."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Group

from audit.models import AuditEvent
from config.install import ROLES, TEAMS, install
from reconciliation.models import Calendar, Installation, Source, Team

pytestmark = pytest.mark.django_db


def test_the_installer_makes_roles_teams_calendars_and_the_internal_source(
    installed: datetime,
) -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)
    assert dict(Team.objects.values_list("slug", "name")) == TEAMS
    assert Team.objects.get(is_catch_all=True).slug == "triage"
    assert set(Calendar.objects.values_list("name", flat=True)) == {"Office hours", "Always"}
    assert Source.objects.get().kind == "internal"
    assert not Installation.objects.get().is_demo


def test_a_second_run_adds_nothing_and_undoes_no_change(installed: datetime) -> None:
    Team.objects.filter(slug="platform").update(name="The platform")
    before = AuditEvent.objects.count(), Team.history.count()

    install(at=installed + timedelta(days=1))

    assert (AuditEvent.objects.count(), Team.history.count()) == before
    assert Team.objects.get(slug="platform").name == "The platform"

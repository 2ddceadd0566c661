"""Django's admin: people get their roles and teams there, and the trail says so."""

import json

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from audit.models import AuditEvent
from config.install import install
from config.people import create_admin
from exceptions.permissions import teams_of
from reconciliation.models import Team
from tests.world import NOON

pytestmark = pytest.mark.django_db
STRONG = "correct horse battery"


@pytest.fixture
def admin() -> Client:
    install(at=NOON)
    client = Client()
    client.force_login(create_admin(username="ada", password=STRONG, by="test", at=NOON))
    return client


def give(admin: Client, person: User, *, role: str, team: str) -> None:
    answer = admin.post(
        f"/admin/auth/user/{person.pk}/change/",
        {
            "username": person.username,
            "is_active": "on",
            "date_joined_0": "2026-03-02",
            "date_joined_1": "08:00:00",
            "groups": [Group.objects.get(name=role).pk],
            "memberships-TOTAL_FORMS": "1",
            "memberships-INITIAL_FORMS": "0",
            "memberships-0-user": person.pk,
            "memberships-0-team": Team.objects.get(slug=team).pk,
        },
    )
    assert answer.status_code == 302, answer.context["errors"]


def test_an_admin_gives_a_person_a_role_and_a_team_and_the_trail_says_so(admin: Client) -> None:
    olga = User.objects.create_user("olga")

    give(admin, olga, role="Operator", team="customer-ops")

    assert [team.slug for team in teams_of(olga)] == ["customer-ops"]
    row = AuditEvent.objects.get(stream="access", subject_id=olga.pk)
    said = json.loads(bytes(row.body))["detail"]
    assert (row.action, row.actor) == ("access.changed", "ada")
    assert (said["roles"], said["teams"]) == (["Operator"], ["customer-ops"])


def test_a_new_account_is_on_the_trail(admin: Client) -> None:
    passwords = {"password1": STRONG, "password2": STRONG, "usable_password": "true"}
    no_teams = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}

    admin.post("/admin/auth/user/add/", {"username": "olga", **passwords, **no_teams})

    olga = User.objects.get(username="olga")
    assert AuditEvent.objects.get(stream="access", subject_id=olga.pk).action == "access.granted"


def test_nobody_is_deleted_for_the_trail_names_them(admin: Client) -> None:
    olga = User.objects.create_user("olga")

    answer = admin.post(f"/admin/auth/user/{olga.pk}/delete/", {"post": "yes"})

    assert answer.status_code == 403
    assert User.objects.filter(pk=olga.pk).exists()

"""Who signs in: the demo's people, and the first administrator."""

import io
import json
from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from audit.models import AuditEvent
from config.install import ROLES
from config.people import CannotCreate, NotADemo, become_demo, create_admin, set_demo_passwords
from reconciliation.models import Installation, Membership, Team

pytestmark = pytest.mark.django_db
STRONG = "correct horse battery"


def test_a_demo_has_a_person_for_each_role_and_a_lead_for_each_desk(installed: datetime) -> None:
    become_demo(at=installed)

    people = set_demo_passwords(only_new=True, at=installed)

    assert {person.role for person in people} == set(ROLES)
    assert set(Membership.objects.filter(is_lead=True).values_list("team__slug", flat=True)) == set(
        Team.objects.values_list("slug", flat=True)
    )
    first = people[0]
    user = User.objects.get(username=first.username)
    assert user.check_password(first.password)
    assert AuditEvent.objects.filter(stream="access").count() == len(people)


def test_those_who_are_there_keep_their_passwords_until_new_ones_are_asked_for(
    installed: datetime,
) -> None:
    become_demo(at=installed)
    first = set_demo_passwords(only_new=True, at=installed)[0]

    assert set_demo_passwords(only_new=True, at=installed) == []
    assert User.objects.get(username=first.username).check_password(first.password)

    out = io.StringIO()
    call_command("demo_users", "--json", stdout=out)

    renewed = {
        person["username"]: person["password"] for person in json.loads(out.getvalue())["people"]
    }
    assert User.objects.get(username=first.username).check_password(renewed[first.username])


def test_a_database_in_real_use_does_not_become_a_demo(installed: datetime) -> None:
    create_admin(username="ada", password=STRONG, by="test", at=installed)

    with pytest.raises(NotADemo, match="real use"):
        become_demo(at=installed)
    with pytest.raises(CommandError, match="not a demo"):
        call_command("demo_users")

    assert not Installation.objects.get().is_demo


def test_the_first_administrator_may_sign_in_and_do_everything(
    installed: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{STRONG}\n"))
    out = io.StringIO()

    call_command("create_admin", "--username", "ada", "--password-stdin", "--json", stdout=out)

    assert json.loads(out.getvalue()) == {"username": "ada", "role": "Admin"}
    user = User.objects.get()
    assert user.check_password(STRONG)
    assert user.is_superuser
    assert user.groups.get().name == "Admin"


@pytest.mark.parametrize(
    ("username", "password", "reason"),
    [
        ("ada", STRONG, "There is an account called ada"),
        ("bob", "short", "too short"),
        ("bob b", STRONG, "valid username"),
    ],
)
def test_an_administrator_with_a_taken_name_or_a_weak_password_is_refused(
    installed: datetime, username: str, password: str, reason: str
) -> None:
    create_admin(username="ada", password=STRONG, by="test", at=installed)

    with pytest.raises(CannotCreate, match=reason):
        create_admin(username=username, password=password, by="test", at=installed)

    assert User.objects.count() == 1

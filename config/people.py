"""The people who sign in: the demo company's, and the first administrator of a real one."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from audit.record import record
from config.install import ACTOR
from reconciliation.models import Event, Installation, Membership, Order, Team

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another


class CannotCreate(Exception):
    """The account cannot be made; the message says why."""


class NotADemo(Exception):
    """The database holds real work, which made-up people must not touch."""


class Person(NamedTuple):
    """One person of the demo company."""

    username: str
    name: str
    role: str
    teams: Sequence[str] = ()
    is_lead: bool = False


class SignIn(NamedTuple):
    """What one person signs in with."""

    role: str
    username: str
    password: str


PEOPLE = (
    Person("priya.n", "Priya Nair", "Operator", ("revenue-ops",)),
    Person("omar.h", "Omar Haddad", "Operator", ("customer-ops",)),
    Person("lena.k", "Lena Koch", "Operator", ("fulfilment-ops", "enrichment")),
    Person(
        "marta.s",
        "Marta Silva",
        "Team lead",
        ("revenue-ops", "customer-ops", "fulfilment-ops"),
        is_lead=True,
    ),
    Person("sam.w", "Sam Wright", "Rule editor", ("revenue-ops",)),
    Person("noor.a", "Noor Aziz", "Rule approver", ("revenue-ops",)),
    Person("eva.r", "Eva Rossi", "Executive"),
    Person("ivan.p", "Ivan Petrov", "Auditor"),
    Person(
        "dana.f",
        "Dana Fischer",
        "Platform owner",
        ("platform", "triage", "enrichment"),
        is_lead=True,
    ),
    Person("alex.b", "Alex Berg", "Admin", ("triage",)),
)


@transaction.atomic
def become_demo(*, at: datetime) -> None:
    """Mark an empty installation as a demo, for good. Raises NotADemo if it holds real work."""
    installation = Installation.objects.select_for_update().get()
    if installation.is_demo:
        return
    if Event.objects.exists() or Order.objects.exists() or User.objects.exists():
        raise NotADemo(
            "This database is in real use, so the demo company is not loaded into it. "
            "Start with --no-demo, or name another data folder in RECON_DATA."
        )
    record(stream="system", subject_id=installation.id, action="system.demo", actor=ACTOR, at=at)
    installation.is_demo = True
    installation.save(update_fields=["is_demo"])


@transaction.atomic
def set_demo_passwords(*, only_new: bool, at: datetime) -> list[SignIn]:
    """Give the demo company's people random passwords, and the people to a database without.

    `only_new` leaves those who are there alone. Raises NotADemo outside a demo.
    """
    if not Installation.objects.filter(is_demo=True).exists():
        raise NotADemo("This database is not a demo: its people are made one by one.")
    known = set(User.objects.values_list("username", flat=True)) if only_new else set()
    return [_give(person, at=at) for person in PEOPLE if person.username not in known]


def _give(person: Person, *, at: datetime) -> SignIn:
    """Make the person where missing, and set a new password."""
    password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
    user, is_new = User.objects.get_or_create(username=person.username)
    if is_new:
        user.first_name, user.last_name = person.name.split()
        user.email = f"{person.username}@example.com"
        user.is_staff = user.is_superuser = person.role == "Admin"
        user.groups.add(Group.objects.get(name=person.role))
        for team in Team.objects.filter(slug__in=person.teams):
            Membership.objects.create(team=team, user=user, is_lead=person.is_lead)
    record(
        stream="access",
        subject_id=user.pk,
        action="access.granted" if is_new else "access.password_set",
        actor=ACTOR,
        at=at,
        detail={"username": user.username, "role": person.role, "teams": list(person.teams)},
    )
    user.set_password(password)
    user.save()
    return SignIn(person.role, person.username, password)


@transaction.atomic
def create_admin(*, username: str, password: str, by: str, at: datetime) -> User:
    """Make an administrator. Raises CannotCreate if the name is taken or the password weak."""
    if User.objects.filter(username=username).exists():
        raise CannotCreate(f"There is an account called {username}.")
    user = User(username=username, is_staff=True, is_superuser=True)
    try:
        user.full_clean(exclude=["password"])
        validate_password(password, user)
    except ValidationError as refusal:
        raise CannotCreate(" ".join(refusal.messages)) from refusal
    user.set_password(password)
    user.save()
    user.groups.add(Group.objects.get(name="Admin"))
    record(
        stream="access",
        subject_id=user.pk,
        action="access.granted",
        actor=by,
        at=at,
        detail={"username": username, "role": "Admin", "teams": []},
    )
    return user

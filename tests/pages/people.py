"""Who opens pages in tests: one person a role, one without a role, and nobody."""

from collections.abc import Callable

from django.contrib.auth.models import Group, User
from django.test import Client

from config.install import ROLES
from reconciliation.models import Membership, Team

NOBODY, NO_ROLE = "nobody", "no role"
EVERYONE = (NOBODY, NO_ROLE, *ROLES)
_BACKEND = "django.contrib.auth.backends.ModelBackend"


def member(role: str, *, team: str = "customer-ops") -> User:
    """Make a person of a role, in a team; "" for none."""
    user = User.objects.create(
        username=role.lower().replace(" ", "."), first_name=role, is_staff=role == "Admin"
    )
    if role != NO_ROLE:
        user.groups.add(Group.objects.get(name=role))
    if team and role in {"Operator", "Team lead"}:
        Membership.objects.create(
            team=Team.objects.get(slug=team), user=user, is_lead=role == "Team lead"
        )
    return user


def clients(make: Callable[[str], User] = member) -> dict[str, Client]:
    """Sign everyone in."""
    signed_in = {NOBODY: Client()}
    for role in EVERYONE[1:]:
        signed_in[role] = Client()
        signed_in[role].force_login(make(role), backend=_BACKEND)
    return signed_in

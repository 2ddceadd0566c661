"""Who may do what: role by role, on the own team and on another's."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from exceptions import permissions
from exceptions.models import Case
from exceptions.permissions import NotAllowed
from reconciliation.models import Team
from tests.exceptions.people import case, lead, operator, person

pytestmark = pytest.mark.django_db

WORKS = {"Operator", "Team lead", "Admin"}
READS_ALL = {"Team lead", "Executive", "Auditor", "Platform owner", "Admin"}
COMMENTS_ANYWHERE = READS_ALL - {"Auditor"}
ROLES = [
    "Operator", "Team lead", "Rule editor", "Rule approver", "Executive", "Auditor",
    "Platform owner", "Admin",
]  # fmt: skip


@pytest.fixture
def a_case(installed: None) -> Case:
    return case()


def allowed(check: Callable[[], None]) -> bool:
    try:
        check()
    except NotAllowed:
        return False
    return True


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("team", ["customer-ops", "revenue-ops"])
def test_a_role_does_its_own_work_and_no_more(a_case: Case, role: str, team: str) -> None:
    user = person("pat", role, team=team)
    is_own = team == "customer-ops"
    does_work = role == "Admin" or (role in WORKS and is_own)

    assert permissions.can_work(user, a_case) == does_work
    assert permissions.can_repair(user, a_case, tier=2) == does_work
    assert permissions.can_repair(user, a_case, tier=3) == (does_work and role != "Operator")
    assert permissions.visible_cases(user).exists() == (is_own or role in READS_ALL)
    comments = role != "Auditor" and (is_own or role in COMMENTS_ANYWHERE)
    assert permissions.can_comment(user, a_case) == comments


def test_nobody_without_a_role_works_even_on_the_team(a_case: Case) -> None:
    user = person("pat")

    assert not allowed(lambda: permissions.check_can_work(user, a_case))


def test_a_superuser_is_an_admin_and_an_inactive_person_is_nobody(a_case: Case) -> None:
    root = User.objects.create(username="root", is_superuser=True)
    gone = User.objects.create(username="gone", is_superuser=True, is_active=False)

    assert permissions.can_repair(root, a_case, tier=3)
    assert not permissions.can_work(gone, a_case)


def test_only_a_lead_gives_work_to_others_and_only_to_who_can_do_it(a_case: Case) -> None:
    olga, otto, lena = operator(), operator("otto"), lead()
    stranger = operator("stan", team="revenue-ops")
    auditor = person("ada", "Auditor")

    assert permissions.can_assign(lena, a_case, olga)
    assert permissions.can_assign(olga, a_case, olga)
    assert not permissions.can_assign(olga, a_case, otto)
    assert not permissions.can_assign(lena, a_case, stranger)
    assert not permissions.can_assign(lena, a_case, auditor)


def test_the_refusal_names_the_team_that_owns_it(a_case: Case) -> None:
    stranger = operator("stan", team="revenue-ops")

    with pytest.raises(NotAllowed, match=Team.objects.get(slug="customer-ops").name):
        permissions.check_can_work(stranger, a_case)

"""Says who may do what to a case. Every refusal is a sentence fit for the screen.

Roles are Groups by name; a person's teams come from memberships.
"""

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from exceptions.models import Case, Handoff
from reconciliation.models import Membership, Team

OPERATOR, TEAM_LEAD, ADMIN = "Operator", "Team lead", "Admin"
READS_ALL = frozenset({TEAM_LEAD, ADMIN, "Executive", "Auditor", "Platform owner"})
SENIOR_TIER = 3  # money moves, or it cannot be undone


class NotAllowed(Exception):
    """This person may not do this; the message may be shown to them."""


def roles(user: User) -> frozenset[str]:
    """Name the roles of `user`; a superuser is an Admin."""
    if not user.is_active or not user.is_authenticated:
        return frozenset()
    if (known := vars(user).get("_roles_held")) is None:  # asked once, as Django does with rights
        known = vars(user)["_roles_held"] = frozenset(user.groups.values_list("name", flat=True))
    return known | {ADMIN} if user.is_superuser else known


def teams_of(user: User) -> QuerySet[Team]:
    """Give the teams that `user` is a member of."""
    return Team.objects.filter(pk__in=Membership.objects.filter(user=user).values("team"))


def visible_cases(user: User) -> QuerySet[Case]:
    """Give the cases that `user` may read; for anyone else they do not exist."""
    if roles(user) & READS_ALL:
        return Case.objects.all()
    return Case.objects.filter(team__in=teams_of(user))


def readable_cases(user: User) -> QuerySet[Case]:
    """Give the cases that `user` may open: those they see, and those coming to their teams."""
    if roles(user) & READS_ALL:
        return Case.objects.all()
    coming = Handoff.objects.filter(state=Handoff.State.WAITING, to_team__in=teams_of(user))
    return Case.objects.filter(Q(team__in=teams_of(user)) | Q(pk__in=coming.values("case")))


def check_can_work(by: User, case: Case) -> None:
    """Raise NotAllowed unless `by` works cases of this team."""
    held = roles(by)
    if ADMIN in held:
        return
    if not held & {OPERATOR, TEAM_LEAD}:
        raise NotAllowed("Needs Operator or Team lead. An Admin can give you that role.")
    if not teams_of(by).filter(pk=case.team_id).exists():
        raise NotAllowed(f"Needs a member of {case.team.name}, which owns this exception.")


def check_can_assign(by: User, case: Case, to: User) -> None:
    """Raise NotAllowed unless `by` may give the case to `to`."""
    check_can_work(by, case)
    held = roles(by)
    if to.pk != by.pk and not held & {TEAM_LEAD, ADMIN}:
        raise NotAllowed("Needs Team lead: only a lead gives work to others.")
    if not roles(to) & {OPERATOR, TEAM_LEAD, ADMIN}:
        raise NotAllowed(f"{name_of(to)} does not work exceptions. Nothing changed.")
    if ADMIN not in roles(to) and not teams_of(to).filter(pk=case.team_id).exists():
        raise NotAllowed(f"{name_of(to)} is not on {case.team.name}. Nothing changed.")


def check_can_receive(by: User, team: Team) -> None:
    """Raise NotAllowed unless `by` works the cases of a team."""
    held = roles(by)
    if ADMIN in held:
        return
    is_member = Membership.objects.filter(user=by, team=team).exists()
    if not held & {OPERATOR, TEAM_LEAD} or not is_member:
        raise NotAllowed(f"{name_of(by)} does not work exceptions of {team.name}. Nothing changed.")


def check_can_answer(by: User, handoff: Handoff) -> None:
    """Raise NotAllowed unless `by` may accept or bounce a handoff: who it is for, or a lead."""
    check_can_receive(by, handoff.to_team)
    named = handoff.to_person
    if named is not None and named.pk != by.pk and not roles(by) & {TEAM_LEAD, ADMIN}:
        raise NotAllowed(f"It was handed to {name_of(named)}. They answer, or a Team lead.")


def check_can_run(by: User, team: Team) -> None:
    """Raise NotAllowed unless `by` runs a team: its lead, or an admin."""
    held = roles(by)
    if ADMIN in held:
        return
    leads = Membership.objects.filter(user=by, team=team, is_lead=True)
    if TEAM_LEAD not in held or not leads.exists():
        raise NotAllowed(f"Needs Admin, or a Team lead of {team.name}.")


def check_can_repair(by: User, case: Case, *, tier: int) -> None:
    """Raise NotAllowed unless `by` may run a repair of this tier on the case."""
    check_can_work(by, case)
    if tier >= SENIOR_TIER and not roles(by) & {TEAM_LEAD, ADMIN}:
        raise NotAllowed("Needs Team lead: this moves money or cannot be undone.")


def check_can_comment(by: User, case: Case) -> None:
    """Raise NotAllowed unless `by` may write on the case: whoever may read it, but for auditors."""
    if not roles(by) - {"Auditor"}:
        raise NotAllowed("Auditors read and do not write.")
    if not readable_cases(by).filter(pk=case.pk).exists():
        raise NotAllowed(f"Needs a member of {case.team.name}, which owns this exception.")


def can_work_any(by: User) -> bool:
    """Tell whether `by` works exceptions of some team."""
    return bool(roles(by) & {OPERATOR, TEAM_LEAD, ADMIN})


def can_work(by: User, case: Case) -> bool:
    """Tell whether `by` works cases of this team."""
    return not refusal_to_work(by, case)


def can_assign(by: User, case: Case, to: User) -> bool:
    """Tell whether `by` may give the case to `to`."""
    try:
        check_can_assign(by, case, to)
    except NotAllowed:
        return False
    return True


def can_repair(by: User, case: Case, *, tier: int) -> bool:
    """Tell whether `by` may run a repair of this tier."""
    return not refusal_to_repair(by, case, tier=tier)


def can_comment(by: User, case: Case) -> bool:
    """Tell whether `by` may write on the case."""
    return not refusal_to_comment(by, case)


def refusal_to_work(by: User, case: Case) -> str:
    """Say why `by` may not work on the case; "" if they may."""
    try:
        check_can_work(by, case)
    except NotAllowed as refusal:
        return str(refusal)
    return ""


def refusal_to_run(by: User, team: Team) -> str:
    """Say why `by` may not run a team; "" if they may."""
    try:
        check_can_run(by, team)
    except NotAllowed as refusal:
        return str(refusal)
    return ""


def refusal_to_answer(by: User, handoff: Handoff) -> str:
    """Say why `by` may not accept or bounce a handoff; "" if they may."""
    try:
        check_can_answer(by, handoff)
    except NotAllowed as refusal:
        return str(refusal)
    return ""


def refusal_to_repair(by: User, case: Case, *, tier: int) -> str:
    """Say why `by` may not run a repair of this tier; "" if they may."""
    try:
        check_can_repair(by, case, tier=tier)
    except NotAllowed as refusal:
        return str(refusal)
    return ""


def refusal_to_comment(by: User, case: Case) -> str:
    """Say why `by` may not write on the case; "" if they may."""
    try:
        check_can_comment(by, case)
    except NotAllowed as refusal:
        return str(refusal)
    return ""


def name_of(user: User) -> str:
    """Give the name people know `user` by."""
    return user.get_full_name() or user.get_username()

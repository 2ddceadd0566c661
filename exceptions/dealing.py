"""Deals new cases to the people on duty, in turn, where a team asks for that."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import cycle

from exceptions import duty
from exceptions.models import Case
from exceptions.permissions import ADMIN, roles
from reconciliation.models import Membership, Team


def deal(cases: Sequence[Case], *, at: datetime) -> list[Case]:
    """Give each case that has no owner one of its team's people on duty; says which got one.

    Saves no case: the caller does, in the same transaction. Who waits longest is next, and a team
    is locked while it deals, so that two workers never deal the same turn. With nobody on duty a
    case stays with its team. What the product tries to repair first is not dealt.
    """
    waiting: dict[int, list[Case]] = defaultdict(list)
    for case in cases:
        if case.owner_id is None and case.next_automatic_at is None:
            waiting[case.team_id].append(case)
    dealers = Team.objects.filter(pk__in=waiting, hand_out=Team.HandOut.ROUND_ROBIN)
    locked = list(
        dealers.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True)
    )
    rosters = duty.rosters(team_ids=locked, at=at) if locked else {}
    return [case for pk, members in rosters.items() for case in _deal(waiting[pk], members)]


def _deal(cases: Sequence[Case], members: Sequence[duty.Member]) -> list[Case]:
    """Go round those on duty, the lowest turn first, and put who got one to the end."""
    ready = [member for member in members if member.is_on_duty]
    if not ready:
        return []
    last = max(member.membership.turn for member in members)
    turns: dict[int, int] = {}
    for turn, (case, member) in enumerate(zip(cases, cycle(ready)), start=last + 1):
        case.owner = member.user
        turns[member.membership.pk] = turn
    dealt = [member.membership for member in ready if member.membership.pk in turns]
    for membership in dealt:
        membership.turn = turns[membership.pk]
    Membership.objects.bulk_update(dealt, ["turn"])
    return list(cases)


def pass_over(cases: Sequence[Case], *, at: datetime) -> None:
    """Take back the owner of every case whose owner cannot work it now: away, off or elsewhere.

    Saves no case. For cases that come again to whom they had before.
    """
    owned = [case for case in cases if case.owner_id is not None]
    if not owned:
        return
    rosters = duty.rosters(team_ids={case.team_id for case in owned}, at=at)
    present = {
        (team_id, member.user.pk)
        for team_id, members in rosters.items()
        for member in members
        if member.works_cases and member.absence is None
    }
    for case in owned:
        if (case.team_id, case.owner_id) not in present and not _is_admin(case):
            case.owner = None


def _is_admin(case: Case) -> bool:
    return case.owner is not None and ADMIN in roles(case.owner)

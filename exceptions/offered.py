"""Says what may be done with a case now, by whoever looks at it, and if not, why."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from exceptions import words
from exceptions.alike import same_as
from exceptions.desk import follows
from exceptions.models import Case, Handoff
from exceptions.permissions import (
    ADMIN,
    TEAM_LEAD,
    name_of,
    readable_cases,
    refusal_to_comment,
    refusal_to_repair,
    refusal_to_work,
    roles,
)
from exceptions.repairs import offers_for
from exceptions.rows import Permission, RepairOffer

# Done by a button alone; the others ask something first.
PLAIN = {
    "claim": "Take it",
    "wake": "Wake it now",
    "reopen": "Reopen",
    "separate": "Take it apart again",
}
_ASKING = {
    "assign": "Assign",
    "handoff": "Hand off",
    "snooze": "Snooze",
    "escalate": "Escalate",
    "comment": "Comment",
    "dismiss": "Dismiss",
    "merge": "Merge",
}


@dataclass(frozen=True)
class Offered:
    """One thing that may be done with a case: a verb, or a repair by its kind."""

    verb: str
    title: str
    version: int
    is_plain: bool = False
    is_repair: bool = False


def offered(*, case_id: int, user: User) -> list[Offered]:
    """List what `user` may do with a case now; raises Case.DoesNotExist if they may not see it."""
    related = ("team", "owner", "order", "discrepancy", "merged_into")
    case = readable_cases(user).select_related(*related).get(pk=case_id)
    may = {verb for verb, each in actions_of(case, user=user).items() if each.allowed}
    if "snooze" in may and not case.handoffs.filter(state=Handoff.State.WAITING).exists():
        may.add("handoff")  # what may be laid aside may be handed over, once at a time
    if "merge" in may and not same_as(case, user=user).exists():
        may.discard("merge")
    repairs = repairs_of(case, user=user) if case.is_open and case.state != "VERIFYING" else []
    return [
        *(
            Offered(each.kind, each.title, case.version, is_repair=True)
            for each in repairs
            if each.permission.allowed
        ),
        *(Offered(verb, PLAIN[verb], case.version, is_plain=True) for verb in PLAIN if verb in may),
        *(Offered(verb, _ASKING[verb], case.version) for verb in _ASKING if verb in may),
    ]


def repairs_of(case: Case, *, user: User) -> list[RepairOffer]:
    """List the repairs that fit the check, the recommended one first."""
    merged = follows(case)
    offers = [
        RepairOffer(
            kind=kind.KIND,
            title=kind.TITLE,
            tier=kind.TIER,
            is_recommended=case.recommended_repair == kind.KIND,
            permission=_permission(merged or refusal_to_repair(user, case, tier=kind.TIER)),
        )
        for kind in offers_for(case)
    ]
    return sorted(offers, key=lambda offer: not offer.is_recommended)


def actions_of(case: Case, *, user: User) -> dict[str, Permission]:
    """Say of each verb whether it may be done now, and if not, why."""
    state, why_not, merged = case.state, refusal_to_work(user, case), follows(case)
    closed = "" if case.is_open else f"It is {words.state(case).lower()}."
    repaired = "It is repaired, and waits for its check." if state == "VERIFYING" else ""
    held = ""
    if case.owner is not None and case.owner_id != user.pk:
        held = f"{name_of(case.owner)} has it."
    elif case.owner is not None and state == "IN_PROGRESS":
        held = "It is yours."
    held_by_no_lead = "" if roles(user) & {TEAM_LEAD, ADMIN} else "Needs Team lead."
    reasons = {
        "claim": closed or repaired or held,
        "assign": closed or held_by_no_lead,
        "snooze": closed or repaired or ("It waits." if state == "WAITING" else ""),
        "wake": "" if state == "WAITING" else "It does not wait.",
        "escalate": closed,
        "dismiss": closed or repaired,
        "reopen": "" if state == "DISMISSED" else "It was not dismissed.",
        "merge": closed or repaired,
    }
    actions = {verb: why_not or merged or reason for verb, reason in reasons.items()}
    actions["comment"] = refusal_to_comment(user, case) or merged
    is_merged = case.merged_into_id is not None and case.is_open
    actions["separate"] = why_not or ("" if is_merged else "It is not merged.")
    return {verb: _permission(reason) for verb, reason in actions.items()}


def _permission(why_not: str) -> Permission:
    return Permission(not why_not, why_not)

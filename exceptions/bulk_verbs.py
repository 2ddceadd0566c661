"""What can be done on many cases: each is the very verb that does it on one.

A new one is a line in `VERBS`. Nothing here decides or changes anything by itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import User

from exceptions import handoff, messages, ownership, repair
from exceptions.desk import Conflict
from exceptions.models import Bulk, Case, Handoff, RepairAttempt
from exceptions.permissions import NotAllowed, name_of
from exceptions.repairs.plan import UNDO_MINUTES, Refusal
from reconciliation.models import Team

REPAIR, ASSIGN, SNOOZE, DISMISS = "repair", "assign", "snooze", "dismiss"
HANDOFF = "handoff"

REFUSALS = (
    ownership.Cannot,
    handoff.CannotHandOff,
    repair.CannotRepair,
    repair.CannotUndo,
    NotAllowed,
)
CHANGES = (Conflict, repair.PlanChanged)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One case of many: who does what with it."""

    case_id: int
    version: int
    by: User
    at: datetime
    key: str  # the same one again is the same work
    arguments: Mapping[str, Any] = field(default_factory=dict)
    repair: str = ""
    plan_sha256: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    attempt_id: int | None = None
    approved_by: User | None = None
    done_at: datetime | None = None  # of what is undone


class Verb(NamedTuple):
    """What is done, in words, and how."""

    title: str
    done: str
    do: Callable[[Task], RepairAttempt | None]
    undo: Callable[[Task], None]
    tell: Callable[[Bulk, datetime], None] | None = None  # once, when the first of them is done


def _repair(task: Task) -> RepairAttempt:
    plan = repair.preview(case_id=task.case_id, kind=task.repair)
    if isinstance(plan, Refusal):
        raise repair.CannotRepair(plan.why)
    return repair.run(
        case_id=task.case_id,
        kind=task.repair,
        plan_sha256=task.plan_sha256 or plan.sha256(),
        idempotency_key=task.key,
        by=task.by,
        at=task.at,
        reason=str(task.arguments.get("reason", "")),
        version=task.version,
        approved_by=task.approved_by,
    )


def _undo_repair(task: Task) -> None:
    assert task.attempt_id is not None
    repair.undo(attempt_id=task.attempt_id, by=task.by, at=task.at)


def _assign(task: Task) -> None:
    to = User.objects.filter(username=task.arguments["to"], is_active=True).first()
    if to is None:
        raise ownership.Cannot(f"{task.arguments['to']} is not here any more. Nothing changed.")
    ownership.assign(case_id=task.case_id, to=to, by=task.by, at=task.at, version=task.version)


def _undo_assign(task: Task) -> None:
    _check_in_time(task)
    owner = User.objects.filter(username=task.before["owner"]).first()
    ownership.give_back(
        case_id=task.case_id, to=owner, by=task.by, at=task.at, version=task.version
    )


def _snooze(task: Task) -> None:
    ownership.snooze(
        case_id=task.case_id,
        until=datetime.fromisoformat(task.arguments["until"]),
        reason=task.arguments["reason"],
        by=task.by,
        at=task.at,
        version=task.version,
    )


def _undo_snooze(task: Task) -> None:
    _check_in_time(task)
    verb = ownership.unsnooze if task.before["state"] == Case.State.NEW else ownership.wake
    verb(case_id=task.case_id, by=task.by, at=task.at, version=task.version)


def _dismiss(task: Task) -> None:
    ownership.dismiss(
        case_id=task.case_id,
        reason=task.arguments["reason"],
        by=task.by,
        at=task.at,
        version=task.version,
    )


def _undo_dismiss(task: Task) -> None:
    _check_in_time(task)
    ownership.reopen(case_id=task.case_id, by=task.by, at=task.at, version=task.version)
    owner = User.objects.filter(username=task.before["owner"]).first()
    ownership.give_back(case_id=task.case_id, to=owner, by=task.by, at=task.at)


def _hand_over(task: Task) -> None:
    handoff.offer(
        case_id=task.case_id,
        to_team=_team_of(task.arguments),
        reason=task.arguments["reason"],
        by=task.by,
        at=task.at,
        version=task.version,
    )


def _undo_hand_over(task: Task) -> None:
    _check_in_time(task)
    handoff.withdraw(case_id=task.case_id, by=task.by, at=task.at, version=task.version)


def _tell_receivers(asked: Bulk, at: datetime) -> None:
    """Tell a team of all that is handed to it in one message, not in one for each."""
    team = _team_of(asked.arguments)
    made = Handoff.objects.filter(
        case__in=asked.items.values("case"), to_team=team, state=Handoff.State.WAITING
    )
    first = made.order_by("accept_due_at").first()
    assert first is not None
    number = asked.items.filter(outcome__in=["DUE", "DONE"]).count()
    messages.address(
        messages.who_answers(team),
        subject=f"{name_of(asked.asked_by)} hands {team.name} up to {number:,} exceptions: answer"
        f" from {first.accept_due_at:%H:%M on %d %b} UTC",
        text=f"{first.reason}\nEach is accepted or bounced by itself; until then it is theirs.",
        severity=min(made.values_list("case__severity", flat=True), default=""),
        at=at,
        href="/exceptions/?view=handed-to-us",
    )


def _team_of(arguments: Mapping[str, Any]) -> Team:
    team = Team.objects.filter(slug=arguments["team"]).first()
    if team is None:
        raise handoff.CannotHandOff("That team is not here any more. Nothing changed.")
    return team


def _check_in_time(task: Task) -> None:
    """Raise Cannot where the time to take it back is over; a repair knows its own."""
    assert task.done_at is not None
    if (task.at - task.done_at).total_seconds() > UNDO_MINUTES * 60:
        raise ownership.Cannot(
            f"Too late to undo: that was possible for {UNDO_MINUTES} minutes. Nothing changed."
        )


VERBS: Mapping[str, Verb] = {
    REPAIR: Verb("Repair", "repaired", _repair, _undo_repair),
    ASSIGN: Verb("Assign", "assigned", _assign, _undo_assign),
    SNOOZE: Verb("Snooze", "snoozed", _snooze, _undo_snooze),
    HANDOFF: Verb("Hand over", "handed over", _hand_over, _undo_hand_over, _tell_receivers),
    DISMISS: Verb("Dismiss", "dismissed", _dismiss, _undo_dismiss),
}

"""Says in words what the trail's rows say in columns; pages and exports use the same words."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from audit import subjects
from audit.models import AuditEvent
from audit.queries import SealState

# What an action is called, where taking its own words apart does not read well.
_WORDS = {
    "order.created": "Order opened",
    "discrepancy.opened": "Check broken",
    "discrepancy.cleared": "Check holds again",
    "discrepancy.waived": "Difference waived",
    "case.opened": "Exception opened",
    "case.claimed": "Exception taken",
    "case.assigned": "Exception assigned",
    "case.snoozed": "Exception snoozed",
    "case.woken": "Exception woken",
    "case.commented": "Comment written",
    "case.dismissed": "Exception dismissed",
    "case.reopened": "Exception reopened",
    "case.skipped": "Exception skipped",
    "case.merged": "Merged into",
    "case.absorbed": "Took in",
    "case.separated": "Taken apart from",
    "case.settled": "Exception settled",
    "case.escalated": "Exception escalated",
    "case.corrected": "Corrected and sent again",
    "case.retried": "Let it be applied again",
    "case.waits_longer": "Given more time",
    "order.merged": "Merged into",
    "order.absorbed": "Took in",
    "order.separated": "Separated again from",
    "order.released": "Let go again",
    "case.rerouted": "Exception handed over",
    "case.returned": "Given back",
    "case.handoff_sent": "Handed to another team",
    "case.handoff_accepted": "Handoff accepted",
    "case.handoff_bounced": "Handoff bounced",
    "case.handoff_lapsed": "Handoff not answered",
    "case.handoff_withdrawn": "Handoff taken back",
    "case.handoff_overtaken": "Handoff ended",
    "team.created": "Team made",
    "team.changed": "Team changed",
    "team.member_added": "Member added",
    "team.member_changed": "Member changed",
    "team.member_removed": "Member removed",
    "team.absence_entered": "Absence entered",
    "team.absence_ended": "Absence ended",
    "team.calendar_changed": "Calendar changed",
    "team.day_off_added": "Company day off added",
    "team.day_off_removed": "Company day off taken back",
    "repair.begun": "Repair begun",
    "repair.delivered": "Repair confirmed",
    "repair.failed": "Repair failed",
    "repair.undo_begun": "Undo begun",
    "repair.undone": "Repair undone",
    "repair.undo_failed": "Undo failed",
    "repair.did_not_hold": "Repair did not hold",
    "repair.left_to_people": "Left to people",
    "source.connected": "Source connected",
    "source.changed": "Source's settings changed",
    "source.paused": "Source paused",
    "source.resumed": "Source resumed",
    "source.called_again": "Target called again at once",
    "source.secret_added": "Signing secret added",
    "source.secret_retired": "Signing secret retired",
    "system.installed": "Product installed",
    "system.demo": "Marked as demo",
    "access.exported": "Data exported",
    "access.changed": "Access changed",
    "view.saved": "View of the queue saved",
    "view.changed": "View of the queue changed",
    "view.deleted": "View of the queue deleted",
    "channel.added": "Channel added",
    "channel.removed": "Channel removed",
    "notifications.chosen": "Notifications chosen",
    "access.granted": "Access granted",
    "access.password_set": "Password set",
    "diff.compared": "Compared with its own records",
    "diff.tried": "Records could not be fetched",
    "diff.failed": "Comparison given up",
    "diff.asked_again": "Comparison asked for again",
    "diff.scheduled": "Comparison scheduled",
    "diff.brought": "Full export brought to be compared",
    "mapping.saved": "Column mapping saved",
    "file.uploaded": "File uploaded",
    "import.begun": "Import begun",
    "payout.matches": "Payout matches the split rule",
    "payout.differs": "Payout differs from the split rule",
    "payout.awaited": "Payout awaited",
    "payout.missing": "Payout missing",
    "order.put_right": "Put right by replay",
    "retention.swept": "Bytes past their time dropped",
    "person.erased": "Person erased",
    "person.held": "Person held from erasure",
    "person.hold_lifted": "Hold on a person lifted",
    "replay.started": "Replay started",
    "pass.started": "Pass over all orders begun",
    "event.set_apart": "Said to be no duplicate",
    "bulk.asked": "Bulk waits for a second person",
    "bulk.begun": "Bulk begun",
    "bulk.approved": "Bulk agreed to",
    "bulk.refused": "Bulk refused",
    "bulk.undone": "Undo of a bulk begun",
    "job.stopped": "Stop of a job asked for",
}
_STREAMS = {
    "order": "Orders", "case": "Exceptions", "rulebook": "Rules", "source": "Sources",
    "writeback": "Write-backs", "access": "Access", "system": "System", "team": "Teams",
}  # fmt: skip
_SERVICE = "service:"
_TOGETHER = timedelta(minutes=1)  # a moment and its writing this near are one to a reader


@dataclass(frozen=True)
class Line:
    """One row of the trail as people read it."""

    id: int
    sequence: int
    stream: str  # in words
    what: str
    who: str
    reason: str
    subject: subjects.Subject
    at: datetime
    recorded_at: datetime
    cause_event_id: int | None
    rulebook_version: int | None
    is_person: bool
    is_recorded_later: bool  # its moment was simulated, or lies further back


def streams() -> Mapping[str, str]:
    """Give the streams and what they are called."""
    return _STREAMS


def words(
    *,
    action: str,
    from_state: str = "",
    to_state: str = "",
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> str:
    """Say what was done: "State Fulfilled to Billed", "Check broken: Charged twice"."""
    if action.startswith("order.") and from_state and from_state != to_state:
        return f"State {_state(from_state)} to {_state(to_state)}"
    what = _WORDS.get(action) or _plain(action)
    about = _about(action, reason, detail or {})
    return f"{what}: {about}" if about else what


def actor_words(actor: str, *, people: Mapping[str, str] | None = None) -> str:
    """Say who did it: "Reconcile (service)", or a person's name where `people` knows it."""
    if actor.startswith(_SERVICE):
        return f"{_sentence(actor.removeprefix(_SERVICE))} (service)"
    return (people or {}).get(actor) or actor or "Unknown"


def lines(rows: Iterable[AuditEvent]) -> list[Line]:
    """Put rows into words, their people and subjects named."""
    kept = list(rows)
    names = subjects.named((row.stream, row.subject_id) for row in kept)
    people = _people({row.actor for row in kept})
    return [_line(row, names[row.stream, row.subject_id], people) for row in kept]


def seal_words(state: SealState) -> str:
    """Say how far the proof of the trail has come."""
    if not state.sealed:
        return "Nothing is sealed yet."
    parts = [f"{state.sealed:,} rows are sealed."]
    if state.waiting:
        waits = "waits" if state.waiting == 1 else "wait"
        parts.append(f"{state.waiting:,} {waits} for the next seal.")
    if state.anchored == state.sealed:
        parts.append("A copy of the newest seal is kept outside the database.")
    else:
        parts.append(f"A copy outside the database covers {state.anchored:,} of them.")
    return " ".join(parts)


def _line(row: AuditEvent, subject: subjects.Subject, people: Mapping[str, str]) -> Line:
    detail = json.loads(bytes(row.body)).get("detail") or {}
    return Line(
        id=row.pk,
        sequence=row.sequence,
        stream=_STREAMS.get(row.stream, row.stream),
        what=words(
            action=row.action,
            from_state=row.from_state,
            to_state=row.to_state,
            reason=row.reason,
            detail=detail,
        ),
        who=actor_words(row.actor, people=people),
        reason="" if _is_title(row.action) else row.reason,
        subject=subject,
        at=row.at,
        recorded_at=row.recorded_at,
        cause_event_id=row.cause_event_id,
        rulebook_version=row.rulebook_version,
        is_person=not row.actor.startswith(_SERVICE),
        is_recorded_later=abs(row.recorded_at - row.at) > _TOGETHER,
    )


def _about(action: str, reason: str, detail: Mapping[str, Any]) -> str:
    """Find what the action is about, in the reason or among the details."""
    if _is_title(action):
        return reason or _sentence(str(detail.get("check", "")))
    if action.startswith("repair."):
        return str(detail.get("title", ""))
    if action == "case.opened":
        return str(detail.get("title", "")) or _sentence(str(detail.get("check", "")))
    if action.startswith("writeback."):
        return _sentence(str(detail.get("action", "")))
    if action == "source.changed":
        return ", ".join(str(name).replace("_", " ") for name in detail.get("changes", ()))
    return str(detail.get("what", ""))


def _is_title(action: str) -> bool:
    """Tell whether the reason of such a row is the name of the check."""
    return action in ("discrepancy.opened", "discrepancy.cleared")


def _people(usernames: set[str]) -> dict[str, str]:
    found = User.objects.filter(username__in=usernames)
    return {user.username: user.get_full_name() or user.username for user in found}


def _plain(action: str) -> str:
    return _sentence(action.replace(".", " ").replace("writeback", "write-back"))


def _state(state: str) -> str:
    return _sentence(state.lower())


def _sentence(name: str) -> str:
    """Turn a name of the code into words: `paid_not_posted` into "Paid not posted"."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]

"""Tells a case's story, newest first: its trail, comments, write-backs, and what is next."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User

from audit.queries import trail
from exceptions import words
from exceptions.attachments import size_text
from exceptions.models import Case, Comment, RepairAttempt
from exceptions.permissions import name_of
from exceptions.rows import FileRow, TimelineEntry
from reconciliation.models import WriteBackAttempt

_TEXTS = {
    "case.opened": "Opened and given to {team_name}",
    "case.claimed": "Took it",
    "case.assigned": "Assigned it to {to}",
    "case.snoozed": "Snoozed it until {for}",
    "case.woken": "Woke it",
    "case.escalated": "Escalated it to {to}",
    "case.corrected": "Corrected it and sent it again as {what}",
    "case.retried": "Let it be applied again",
    "case.waits_longer": "Gave its order until {until}",
    "case.returned": "Given by {from} to {to}",
    "case.handoff_sent": "Handed it to {to_team}",
    "case.handoff_accepted": "Accepted it for {to_team}",
    "case.handoff_bounced": "Bounced it back to {from_team}",
    "case.handoff_lapsed": "Back with {from_team}: {to_team} did not answer",
    "case.handoff_withdrawn": "Took the handoff to {to_team} back",
    "case.handoff_overtaken": "Handoff to {to_team} ended: it was closed",
    "case.dismissed": "Dismissed it",
    "case.reopened": "Reopened it",
    "case.settled": "Settled: its check holds again",
    "repair.begun": "{title}: begun",
    "repair.delivered": "{title}: confirmed by the target",
    "repair.failed": "{title}: failed",
    "repair.undo_begun": "{title}: undo begun",
    "repair.undone": "{title}: undone",
    "repair.undo_failed": "{title}: could not be undone",
    "repair.did_not_hold": "{title}: did not hold",
    "repair.left_to_people": "Left it to people",
}
_KINDS = {"case.escalated": "clock", "case.opened": "state", "case.settled": "state"}
_OUTCOMES = {
    "DELIVERED": "says that it is done",
    "REFUSED": "refused it",
    "UNKNOWN": "gave no clear answer",
    "UNREACHABLE": "could not be reached",
    "FOUND": "had done it, when asked",
    "ABSENT": "has not heard of it, when asked",
    "NO_ANSWER": "could not be asked",
}
_UNSAID = {"case.commented"}  # the comment itself stands there


def timeline(*, case: Case, attempts: Sequence[RepairAttempt]) -> list[TimelineEntry]:
    """Give everything that happened to a case, and before it what is going to."""
    past = [
        *_trail(case),
        *_comments(case),
        *_tries(attempts),
    ]
    past.sort(key=lambda entry: entry.at, reverse=True)
    return [*_future(case), *past]


def _comments(case: Case) -> list[TimelineEntry]:
    written = case.comments.to_show().order_by("at", "pk")
    return [
        TimelineEntry(each.at, name_of(each.by), each.text, "comment", files=_files(each))
        for each in written
    ]


def _files(comment: Comment) -> list[FileRow]:
    return [
        FileRow(
            name=each.name,
            size=size_text(each.size_bytes),
            href="" if each.forgotten_at else f"/exceptions/{comment.case_id}/files/{each.pk}/",
        )
        for each in comment.attachments.all()
    ]


def _trail(case: Case) -> list[TimelineEntry]:
    """Read the audit trail newest first, so that equal moments keep its order."""
    rows = trail(stream="case", subject_id=case.pk).defer(None).order_by("-sequence")
    names = _names({row.actor for row in rows})
    return [
        TimelineEntry(
            at=event.at,
            actor=names.get(event.actor, event.actor),
            text=_text(event.action, detail=_detail(bytes(event.body))),
            kind=_KINDS.get(event.action, "write" if "repair" in event.action else "people"),
            reason=event.reason,
            details={"action": event.action, "actor": event.actor, "sequence": event.sequence},
        )
        for event in rows
        if event.action not in _UNSAID
    ]


def _names(actors: set[str]) -> dict[str, str]:
    """Name who acted as people know them."""
    people = {each.username: name_of(each) for each in User.objects.filter(username__in=actors)}
    return {each: "the product" for each in actors if each.startswith("service:")} | people


def _detail(body: bytes) -> dict[str, Any]:
    detail = json.loads(body)["detail"]
    assert isinstance(detail, dict)
    return detail


def _text(action: str, *, detail: dict[str, Any]) -> str:
    text = _TEXTS.get(action, action.rpartition(".")[2].replace("_", " ").capitalize())
    for name, value in {"for": detail.get("until", ""), **detail}.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def _tries(attempts: Sequence[RepairAttempt]) -> list[TimelineEntry]:
    titles = {
        attempt.writeback_id: attempt.plan["title"]
        for attempt in attempts
        if attempt.writeback_id is not None
    }
    tries = WriteBackAttempt.objects.filter(writeback_id__in=titles).select_related(
        "writeback__target"
    )
    return [
        TimelineEntry(
            at=each.at,
            actor=each.writeback.target.name,
            text=f"{titles[each.writeback_id]}: {each.writeback.target.name}"
            f" {_OUTCOMES.get(each.outcome, each.outcome.lower())}",
            kind="write",
            details={
                "status": each.status_code,
                "answer": each.answer,
                "idempotency_key": each.writeback.idempotency_key,
            },
        )
        for each in tries.order_by("-pk")
    ]


def _future(case: Case) -> list[TimelineEntry]:
    """Say what will happen by itself, the furthest first."""
    if not case.is_open:
        return []
    coming = (
        (case.next_escalation_at, "Next escalation", "clock"),
        (case.next_automatic_at, "Next automatic repair", "write"),
        (case.snoozed_until, "Wakes", "state"),
    )
    entries = [
        TimelineEntry(at, "the product", f"{text} at {words.moment(at)}", kind, is_future=True)
        for at, text, kind in coming
        if at is not None
    ]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)

"""What the pages of a bulk show: what will happen, how far it is, what came of each case."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from exceptions import bulk_approval, bulk_set, queries
from exceptions.bulk_verbs import ASSIGN, HANDOFF, REPAIR, VERBS
from exceptions.models import Bulk, BulkItem
from exceptions.permissions import (
    ADMIN,
    OPERATOR,
    READS_ALL,
    TEAM_LEAD,
    name_of,
    roles,
    teams_of,
    visible_cases,
)
from exceptions.repairs import KINDS
from exceptions.repairs.plan import UNDO_MINUTES
from exceptions.rows import Money, Permission, RepairPreview
from reconciliation.fields import DISCREPANCY
from reconciliation.models import Job, Team

_SAMPLES, _SHOWN = 5, 200
_WORDS = {
    "DUE": ("To do", "none"),
    "DONE": ("Done", "ok"),
    "SKIPPED": ("Skipped", "none"),
    "REFUSED": ("Refused", "bad"),
    "CHANGED": ("Changed meanwhile", "warn"),
    "FAILED": ("Failed", "bad"),
    "UNDONE": ("Undone", "paused"),
}
_NEED_A_PERSON = ("REFUSED", "CHANGED", "FAILED")
_LISTED = 50


@dataclass(frozen=True)
class Part:
    """So many of the set, and what happens to them."""

    number: int
    words: str
    is_skipped: bool = False


@dataclass(frozen=True)
class Sample:
    """One of the set, and what would change."""

    case_id: int
    title: str
    order_id: str
    amount: Money
    preview: RepairPreview | None


@dataclass(frozen=True)
class ItemRow:
    """What came of one case."""

    case_id: int
    title: str
    order_id: str
    amount: Money
    word: str
    tone: str
    why: str
    at: datetime | None


@dataclass(frozen=True)
class BulkRow:
    """One bulk in a list, and the head of its page."""

    id: int
    title: str
    verb: str
    words: str
    state: str
    word: str
    tone: str
    by: str
    at: datetime
    needs: str
    decided_by: str
    decision_reason: str
    job_id: int | None
    done: int
    total: int
    is_under_way: bool
    is_stopping: bool
    undoes_id: int | None
    number: int


@dataclass(frozen=True)
class BulkDetail:
    """Everything the page of one bulk shows."""

    row: BulkRow
    digest: str
    parts: list[Part]
    sums: list[Money]
    samples: list[Sample]
    needs: str
    is_senior: bool
    assignable: list[tuple[str, str]]
    teams: list[tuple[str, str]]  # that it could be handed to
    failed_href: str  # the queue with those that need a person
    items: list[ItemRow]
    items_more: int
    outcome: str  # "136 of 141 repaired. 5 need a person."
    failed: int
    left: int
    decide: Permission
    undo: Permission
    reason: str


class NoSuchBulk(Exception):
    """It does not exist, or not for this person."""


def recent(*, user: User) -> list[BulkRow]:
    """List what was asked for, newest first: one's own, or all for who reads all."""
    found = _visible(user).exclude(state=Bulk.State.DRAFT)
    return [_row(each) for each in found.order_by("-pk")[:_LISTED]]


def detail(*, bulk_id: int, user: User, at: datetime) -> BulkDetail:
    """Give one with all its page shows; raises NoSuchBulk."""
    asked = _found(bulk_id, user)
    is_draft = asked.state == Bulk.State.DRAFT
    counts = _counts(asked)
    failed = sum(counts.get(word, 0) for word in _NEED_A_PERSON) + _undelivered(asked)
    shown = [] if is_draft else list(_shown(asked, user)[: _SHOWN + 1])
    row = _row(asked)
    return BulkDetail(
        row=row,
        digest=bulk_set.digest_of(asked) if is_draft else "",
        parts=_parts(asked),
        sums=[Money(*each) for each in bulk_set.sums(asked.items.exclude(outcome="SKIPPED"))],
        samples=_samples(asked, user=user, at=at) if is_draft or row.state == "ASKED" else [],
        needs=bulk_approval.needs_second(asked) if is_draft else asked.needs,
        is_senior=asked.verb == REPAIR and bulk_approval.is_senior(asked),
        assignable=_assignable(asked) if is_draft and asked.verb == ASSIGN else [],
        teams=_teams() if is_draft and asked.verb == HANDOFF else [],
        failed_href=f"/exceptions/?f=bulk_failed:is:{asked.pk}" if failed else "",
        items=[_item(each) for each in shown[:_SHOWN]],
        items_more=max(row.number - _SHOWN, 0),
        outcome="" if is_draft else _outcome(asked, counts, failed=failed),
        failed=0 if row.is_under_way else failed,
        left=0 if row.is_under_way or is_draft else counts.get("DUE", 0),
        decide=_permission(bulk_approval.refusal_to_decide(asked, user)),
        undo=_permission(_refusal_to_undo(asked, counts, at=at)),
        reason=str(asked.arguments.get("reason", "")),
    )


def report(*, bulk_id: int, user: User) -> Iterator[ItemRow]:
    """Give what came of every case; raises NoSuchBulk."""
    return (_item(each) for each in _shown(_found(bulk_id, user), user).iterator(chunk_size=500))


def waiting_count(*, user: User) -> int:
    """Count what waits for a second person and may be this one."""
    if not roles(user) & {TEAM_LEAD, ADMIN}:
        return 0
    waiting = Bulk.objects.filter(state=Bulk.State.ASKED).exclude(asked_by=user)
    if ADMIN not in roles(user):
        elsewhere = BulkItem.objects.exclude(case__team__in=teams_of(user))
        waiting = waiting.exclude(Exists(elsewhere.filter(bulk=OuterRef("pk"))))
    return waiting[:100].count()


def _found(bulk_id: int, user: User) -> Bulk:
    found = _visible(user).filter(pk=bulk_id).first()
    if found is None:
        raise NoSuchBulk
    return found


def _visible(user: User) -> QuerySet[Bulk]:
    related = Bulk.objects.select_related("asked_by", "decided_by", "job")
    return related if roles(user) & READS_ALL else related.filter(asked_by=user)


def _shown(asked: Bulk, user: User) -> QuerySet[BulkItem]:
    found = asked.items.filter(case__in=visible_cases(user))
    related = found.select_related("case__order", "attempt__writeback__target")
    return related.order_by("outcome", "pk")


def _counts(asked: Bulk) -> dict[str, int]:
    found = asked.items.order_by().values_list("outcome").annotate(number=Count("pk"))
    return dict(found)


def _undelivered(asked: Bulk) -> int:
    return asked.items.filter(outcome="DONE", attempt__state="FAILED").count()


def _row(asked: Bulk) -> BulkRow:
    job = asked.job
    is_under_way = job is not None and job.state in (Job.State.QUEUED, Job.State.RUNNING)
    word, tone = _state_words(asked, job)
    return BulkRow(
        id=asked.pk,
        title=bulk_approval.title_of(asked),
        verb=asked.verb,
        words=asked.words,
        state=asked.state,
        word=word,
        tone=tone,
        by=name_of(asked.asked_by),
        at=asked.created_at,
        needs=asked.needs,
        decided_by=name_of(asked.decided_by) if asked.decided_by else "",
        decision_reason=asked.decision_reason,
        job_id=job.pk if job else None,
        done=min(job.done, job.total or 0) if job else 0,
        total=(job.total or 0) if job else 0,
        is_under_way=is_under_way,
        is_stopping=is_under_way and job is not None and job.is_stop_asked,
        undoes_id=asked.undoes_id,
        number=asked.items.count(),
    )


def _state_words(asked: Bulk, job: Job | None) -> tuple[str, str]:
    if asked.state == Bulk.State.ASKED:
        return "Waits for a second person", "warn"
    if asked.state == Bulk.State.REFUSED:
        return "Refused", "bad"
    if job is None:
        return "Not begun", "none"
    if job.state == Job.State.RUNNING and job.is_stop_asked:
        return "Stopping", "warn"
    return {
        Job.State.QUEUED: ("Queued", "none"),
        Job.State.RUNNING: ("Running", "info"),
        Job.State.DONE: ("Done", "ok"),
        Job.State.FAILED: ("Ended early", "bad"),
        Job.State.STOPPED: ("Stopped", "paused"),
    }[Job.State(job.state)]


def _parts(asked: Bulk) -> list[Part]:
    """Say how many of what: "96 Post settlement", "45 no safe repair: skipped"."""
    items, passed_over, parts = asked.items.all(), Q(pk__in=[]), []
    for why, which in bulk_set.skipped(asked).items():
        if number := items.filter(which).exclude(passed_over).count():
            parts.append(Part(number, why, is_skipped=True))
        passed_over |= which
    rest = items.exclude(passed_over)
    if asked.verb != REPAIR:
        number = rest.count()
        return [Part(number, VERBS[asked.verb].title), *parts] if number else parts
    kinds = rest.order_by().values_list("repair").annotate(number=Count("pk"))
    done = [Part(number, KINDS[name].TITLE) for name, number in kinds.order_by("-number")]
    return [*done, *parts]


def _samples(asked: Bulk, *, user: User, at: datetime) -> list[Sample]:
    """Show some of each kind of repair first, so that none comes as a surprise."""
    rest = asked.items.exclude(bulk_set.passed_over(asked))
    first = rest.order_by("repair", "pk").distinct("repair").values_list("pk", flat=True)
    chosen = list(first[:_SAMPLES])
    others = rest.exclude(pk__in=chosen).order_by("pk").values_list("pk", flat=True)
    chosen += others[: _SAMPLES - len(chosen)]
    found = asked.items.filter(pk__in=chosen, case__in=visible_cases(user))
    return [_sample(each, user=user, at=at) for each in found.select_related("case__order")]


def _sample(item: BulkItem, *, user: User, at: datetime) -> Sample:
    case = item.case
    preview = (
        queries.repair_preview(case_id=case.pk, kind=item.repair, user=user, at=at)
        if item.repair
        else None
    )
    return Sample(
        case_id=case.pk,
        title=_title(case.check_name),
        order_id=case.order.canonical_id if case.order else "",
        amount=Money(case.at_risk_minor, case.currency),
        preview=preview,
    )


def _item(item: BulkItem) -> ItemRow:
    case, (word, tone), why = item.case, _WORDS[item.outcome], item.why
    if item.outcome == "DONE" and item.attempt is not None:
        word, tone, why = _repaired(item)
    return ItemRow(
        case_id=case.pk,
        title=_title(case.check_name),
        order_id=case.order.canonical_id if case.order else "",
        amount=Money(case.at_risk_minor, case.currency),
        word=word,
        tone=tone,
        why=why,
        at=item.at,
    )


def _repaired(item: BulkItem) -> tuple[str, str, str]:
    """Say how far a repair that was begun has come."""
    attempt = item.attempt
    assert attempt is not None
    title = str(attempt.plan["title"])
    if attempt.state == "FAILED":
        return "Failed", "bad", f"{title}: {attempt.error}"
    if attempt.state == "DONE":
        return "Done", "ok", title
    if attempt.state in ("UNDOING", "UNDONE"):
        return "Undone", "paused", title
    return "On its way", "info", title


def _title(check_name: str) -> str:
    titles = dict(DISCREPANCY["check_name"].options())
    return str(titles.get(check_name, check_name.replace("_", " ").capitalize()))


def _outcome(asked: Bulk, counts: dict[str, int], *, failed: int) -> str:
    done = counts.get("UNDONE" if asked.undoes_id else "DONE", 0) - (
        0 if asked.undoes_id else _undelivered(asked)
    )
    total = sum(counts.values()) - counts.get("SKIPPED", 0)
    word = "undone" if asked.undoes_id else VERBS[asked.verb].done
    said = [f"{done:,} of {total:,} {word}."]
    if failed:
        said.append(f"{failed:,} need{'s' if failed == 1 else ''} a person.")
    if skipped := counts.get("SKIPPED", 0):
        said.append(f"{skipped:,} skipped.")
    if not asked.undoes_id and (undone := counts.get("UNDONE", 0)):
        said.append(f"{undone:,} undone again.")
    return " ".join(said)


def _refusal_to_undo(asked: Bulk, counts: dict[str, int], *, at: datetime) -> str:
    if asked.undoes_id is not None or not counts.get("DONE"):
        return "There is nothing to undo."
    newest = asked.items.filter(outcome="DONE").order_by("-at").values_list("at", flat=True)[0]
    if newest is not None and at - newest > timedelta(minutes=UNDO_MINUTES):
        return f"Too late to undo: that was possible for {UNDO_MINUTES} minutes."
    return ""


def _assignable(asked: Bulk) -> list[tuple[str, str]]:
    """List whom they could be given to: people of these teams who work cases."""
    people = User.objects.filter(
        is_active=True,
        memberships__team__in=asked.items.values("case__team"),
        groups__name__in=[OPERATOR, TEAM_LEAD, ADMIN],
    )
    found = people.distinct().order_by("first_name", "last_name", "username")
    return [(person.get_username(), name_of(person)) for person in found]


def _teams() -> list[tuple[str, str]]:
    return list(Team.objects.order_by("name").values_list("slug", "name"))


def _permission(refusal: str) -> Permission:
    return Permission(not refusal, refusal)

"""Work on many cases at once: its set is frozen, shown, agreed to where it is large, then a job.

Each case is done by the very verb that does one, by whoever asked, and stands on the trail as if it
had been done alone. See `bulk_verbs` for what can be done, `bulk_set` for the set,
`bulk_approval` for who agrees, and `bulk_steps` for the job.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.record import record
from exceptions.bulk_approval import (
    answer,
    ask_leads,
    is_senior,
    needs_second,
    refusal_to_decide,
    title_of,
)
from exceptions.bulk_set import MOST, CannotBulk, follow_view, freeze, held_by_view, pin, skip
from exceptions.bulk_steps import KIND
from exceptions.bulk_verbs import REPAIR, VERBS
from exceptions.models import Bulk, BulkItem, Case, RepairAttempt
from exceptions.permissions import (
    ADMIN,
    OPERATOR,
    SENIOR_TIER,
    TEAM_LEAD,
    NotAllowed,
    check_can_repair,
    name_of,
    readable_cases,
    roles,
)
from exceptions.repairs import KINDS
from reconciliation.models import Installation, Job
from reconciliation.nudge import after_commit

MOST_TICKED = 500
_PINNED = 50  # plans that are made when they are shown; beyond, the version of the case guards
_AGAIN = ("REFUSED", "CHANGED", "FAILED")
_DRAFT_KEPT = timedelta(days=1)
_UNDER_WAY = (Job.State.QUEUED, Job.State.RUNNING)


@transaction.atomic
def draft(
    *,
    verb: str,
    by: User,
    at: datetime,
    case_ids: Iterable[int] = (),
    view: Mapping[str, Any] | None = None,
    words: str = "",
) -> Bulk:
    """Freeze the set that a person means: what they ticked, or all that a view holds.

    `view` has `filters` and `search`. Raises NotAllowed, CannotBulk.
    """
    check_may_ask(by)
    if verb not in VERBS:
        raise CannotBulk("There is no such action. Nothing changed.")
    Bulk.objects.filter(
        asked_by=by, state=Bulk.State.DRAFT, created_at__lt=at - _DRAFT_KEPT
    ).delete()
    ticked = sorted(set(case_ids))
    if view is None and len(ticked) > MOST_TICKED:
        raise CannotBulk(f"At most {MOST_TICKED} can be ticked. Choose all in the view instead.")
    made = Bulk.objects.create(
        verb=verb, asked_by=by, created_at=at, asked_for=view or {}, words=words or "-"
    )
    freeze(
        made,
        cases=readable_cases(by).filter(pk__in=ticked)
        if view is None
        else held_by_view(made, at=at),
    )
    number = made.items.count()
    if not number:
        raise CannotBulk("No exception is ticked. Tick some rows first; nothing changed.")
    if number > MOST:
        raise CannotBulk(f"More than {MOST:,} match. Filter them first; nothing changed.")
    if verb == REPAIR and number <= _PINNED:
        pin(made)
    made.words = words or f"{number:,} ticked exception{'' if number == 1 else 's'}"
    made.save()
    return made


@transaction.atomic
def confirm(
    *,
    bulk_id: int,
    digest: str,
    arguments: Mapping[str, Any],
    by: User,
    at: datetime,
    is_set_kept: bool = False,
) -> Bulk:
    """Begin what was shown, or leave it to a second person where it is large.

    Raises NotAllowed, CannotBulk, and SetChanged unless the view still holds what was shown:
    `is_set_kept` goes on with what was shown, the digest of the new set goes on with that.
    """
    asked = _locked(bulk_id)
    _check_mine(asked, by)
    if asked.state != Bulk.State.DRAFT:
        return asked  # the same form twice
    if asked.asked_for and not is_set_kept:
        follow_view(asked, digest=digest, at=at)
    asked.arguments = dict(arguments)
    skip(asked)
    if not asked.items.filter(outcome="DUE").exists():
        raise CannotBulk("None of these can be done. Nothing changed.")
    if asked.verb == REPAIR and is_senior(asked) and not asked.arguments.get("reason"):
        raise CannotBulk("Say why: some of these move money or cannot be undone.")
    _begin_or_ask(asked, by=by, at=at)
    return asked


@transaction.atomic
def ask_for_one(
    *, case_id: int, repair: str, plan_sha256: str, reason: str, by: User, at: datetime
) -> Bulk:
    """Leave one repair that moves money to a second person, by the plan that was shown.

    The same again while it waits gives the same. Raises NotAllowed.
    """
    Installation.objects.select_for_update().first()
    case = Case.objects.select_related("team").get(pk=case_id)
    check_can_repair(by, case, tier=SENIOR_TIER)
    waiting = Bulk.objects.filter(
        state=Bulk.State.ASKED, items__case=case, items__repair=repair, asked_by=by
    )
    if (known := waiting.first()) is not None:
        return known
    made = Bulk.objects.create(
        verb=REPAIR,
        asked_by=by,
        created_at=at,
        words=f"exception #{case.pk}: {KINDS[repair].TITLE}",
        arguments={"reason": reason},
        state=Bulk.State.ASKED,
        needs="It moves money or cannot be undone.",
    )
    made.items.create(case=case, version=case.version, repair=repair, plan_sha256=plan_sha256)
    _record("bulk.asked", made, by=by, at=at, reason=reason)
    ask_leads(made, at=at)
    return made


@transaction.atomic
def approve(*, bulk_id: int, by: User, at: datetime) -> Bulk:
    """Let a large one begin. Raises NotAllowed for whoever asked, and for all but leads."""
    asked = _locked(bulk_id)
    if refusal := refusal_to_decide(asked, by):
        raise NotAllowed(refusal)
    _check_waits(asked)
    asked.decided_by, asked.decided_at = by, at
    _record("bulk.approved", asked, by=by, at=at)
    _begin(asked, by=by, at=at)
    answer(asked, f"{name_of(by)} agreed: {title_of(asked)}", at=at)
    return asked


@transaction.atomic
def refuse(*, bulk_id: int, reason: str, by: User, at: datetime) -> Bulk:
    """Say no to a large one, or take back one's own; nothing is done. Raises NotAllowed."""
    asked = _locked(bulk_id)
    if asked.asked_by_id != by.pk and (refusal := refusal_to_decide(asked, by)):
        raise NotAllowed(refusal)
    _check_waits(asked)
    asked.state = Bulk.State.REFUSED
    asked.decided_by, asked.decided_at, asked.decision_reason = by, at, reason
    _record("bulk.refused", asked, by=by, at=at, reason=reason)
    asked.save()
    if asked.asked_by_id != by.pk:
        answer(asked, f"{name_of(by)} refused: {title_of(asked)}", text=reason, at=at)
    return asked


@transaction.atomic
def again(*, bulk_id: int, by: User, at: datetime) -> Bulk:
    """Try again what failed and go on with what was stopped; what is done is left alone.

    Raises NotAllowed, CannotBulk while it is under way or where nothing is left.
    """
    asked = _locked(bulk_id)
    _check_mine(asked, by)
    _check_rests(asked)
    undelivered = Q(outcome="DONE", attempt__state=RepairAttempt.State.FAILED)
    failed = asked.items.filter(Q(outcome__in=_AGAIN) | undelivered)
    for item in failed.select_related("case"):
        item.version, item.outcome, item.plan_sha256 = item.case.version, "DUE", ""
        item.save(update_fields=["version", "outcome", "plan_sha256"])
    if not asked.items.filter(outcome="DUE").exists():
        raise CannotBulk("Nothing of it failed. Nothing changed.")
    _begin_or_ask(asked, by=by, at=at)
    return asked


@transaction.atomic
def undo(*, bulk_id: int, by: User, at: datetime) -> Bulk:
    """Take back all that was done: a bulk of its own, by the undo of each verb.

    Raises NotAllowed, CannotBulk while it is under way or where nothing is left to take back.
    """
    asked = _locked(bulk_id)
    _check_mine(asked, by)
    _check_rests(asked)
    done = asked.items.filter(outcome="DONE")
    if asked.undoes_id is not None or not done.exists():
        raise CannotBulk("There is nothing to undo. Nothing changed.")
    made = Bulk.objects.create(
        verb=asked.verb,
        asked_by=by,
        created_at=at,
        words=asked.words,
        state=Bulk.State.BEGUN,
        undoes=asked,
    )
    BulkItem.objects.bulk_create(
        BulkItem(
            bulk=made,
            case_id=item.case_id,
            version=item.version_after if item.version_after is not None else item.version,
            before=item.before,
            attempt_id=item.attempt_id,
            at=item.at,
        )
        for item in done.order_by("pk")
    )
    _record("bulk.undone", made, by=by, at=at)
    _begin(made, by=by, at=at)
    return made


def check_may_ask(by: User) -> None:
    """Raise NotAllowed unless `by` works exceptions at all; each case is asked about once more."""
    if not roles(by) & {OPERATOR, TEAM_LEAD, ADMIN}:
        raise NotAllowed("Needs Operator or Team lead. An Admin can give you that role.")


def _begin_or_ask(asked: Bulk, *, by: User, at: datetime) -> None:
    asked.decided_by = asked.decided_at = None
    asked.needs = needs_second(asked)
    if not asked.needs:
        _record("bulk.begun", asked, by=by, at=at)
        _begin(asked, by=by, at=at)
        return
    asked.state = Bulk.State.ASKED
    _record("bulk.asked", asked, by=by, at=at, reason=asked.needs)
    asked.save()
    ask_leads(asked, at=at)


def _begin(asked: Bulk, *, by: User, at: datetime) -> None:
    asked.job = Job.objects.create(
        kind=KIND,
        title=title_of(asked)[:255],
        started_by=asked.asked_by,
        total=asked.items.filter(outcome="DUE").count(),
        parameters={"bulk": asked.pk, "begun_by": by.get_username()},
        created_at=at,
    )
    asked.state = Bulk.State.BEGUN
    asked.save()
    after_commit("jobs")


def _locked(bulk_id: int) -> Bulk:
    """Lock one, and before it the trail's subject of such rows; raises Bulk.DoesNotExist."""
    Installation.objects.select_for_update().first()
    found = Bulk.objects.select_for_update(of=("self",)).select_related(
        "asked_by", "decided_by", "job"
    )
    return found.get(pk=bulk_id)


def _check_mine(asked: Bulk, by: User) -> None:
    check_may_ask(by)
    if asked.asked_by_id != by.pk and not roles(by) & {TEAM_LEAD, ADMIN}:
        raise NotAllowed(f"{name_of(asked.asked_by)} asked for it. A Team lead may go on with it.")


def _check_waits(asked: Bulk) -> None:
    if asked.state == Bulk.State.ASKED:
        return
    if asked.decided_by is None or asked.decided_at is None:
        raise CannotBulk("It does not wait for anyone. Nothing changed.")
    did = "refused it" if asked.state == Bulk.State.REFUSED else "agreed to it"
    when = f"{timezone.localtime(asked.decided_at):%H:%M on %d %b}"
    raise CannotBulk(f"{name_of(asked.decided_by)} {did} at {when}. Nothing changed.")


def _check_rests(asked: Bulk) -> None:
    if asked.state != Bulk.State.BEGUN:
        raise CannotBulk("It has not begun. Nothing changed.")
    if asked.job is not None and asked.job.state in _UNDER_WAY:
        raise CannotBulk("It is under way. Stop it first, or wait for its end.")


def _record(action: str, asked: Bulk, *, by: User, at: datetime, reason: str = "") -> None:
    record(
        stream="system",
        subject_id=1,
        action=action,
        actor=by.get_username(),
        at=at,
        reason=reason or str(asked.arguments.get("reason", "")),
        detail={
            "what": title_of(asked),
            "bulk": asked.pk,
            "items": asked.items.filter(outcome="DUE").count(),
            "asked_by": asked.asked_by.get_username(),
        },
    )

"""The job of a bulk: a few cases a step, each for itself, and what came of each written down."""

from datetime import datetime
from typing import NamedTuple

import structlog
from django.db import transaction

from exceptions.bulk_verbs import CHANGES, REFUSALS, REPAIR, VERBS, Task
from exceptions.models import Bulk, BulkItem, Case, RepairAttempt
from reconciliation import nudge
from reconciliation.job_runner import Progress
from reconciliation.models import Job
from reconciliation.one_by_one import PASSING

KIND = "bulk"
_STEP = 10  # cases; their locks are held to the end of the step
_OURS = "An error of ours, which is in the log. Nothing changed; it can be tried again."
_log = structlog.get_logger(__name__)


class _Outcome(NamedTuple):
    word: str
    why: str = ""
    attempt: RepairAttempt | None = None


def step(job: Job, at: datetime) -> Progress:
    """Do the next cases of a bulk. What is done and that it is done are one transaction."""
    asked = Bulk.objects.select_related("asked_by", "decided_by", "undoes").get(
        pk=job.parameters["bulk"]
    )
    due = asked.items.filter(outcome="DUE").order_by("case_id")  # locks in one order
    items = list(due[:_STEP])
    is_told = asked.items.filter(outcome="DONE").exists()
    outcomes = [_do(asked, item, job=job, at=at) for item in items]
    failed = sum(outcome not in ("DONE", "UNDONE") for outcome in outcomes)
    if (tell := VERBS[asked.verb].tell) and "DONE" in outcomes and not is_told:
        tell(asked, at)
    if asked.verb == REPAIR and items:
        nudge.after_commit("writeback", "apply")
    return Progress(
        checkpoint={},
        done=job.done + len(items),
        total=job.total,
        failed=job.failed + failed,
        result={"bulk": asked.pk},
        is_over=len(items) < _STEP,
    )


def _do(asked: Bulk, item: BulkItem, *, job: Job, at: datetime) -> str:
    """Do one case, and say on its item what came of it."""
    task = _task(asked, item, key=f"bulk-{job.pk}-{item.pk}", at=at)
    if asked.undoes_id is None:
        item.before = _before(item.case_id)
    outcome = _tried(asked, task)
    item.outcome, item.why, item.at = outcome.word, outcome.why, at
    if outcome.word == "DONE":
        item.attempt = outcome.attempt
        item.version_after = Case.objects.values_list("version", flat=True).get(pk=item.case_id)
    item.save()
    if outcome.word == "UNDONE":
        assert asked.undoes is not None
        asked.undoes.items.filter(case_id=item.case_id).update(outcome="UNDONE")
    return outcome.word


def _tried(asked: Bulk, task: Task) -> _Outcome:
    verb = VERBS[asked.verb]
    try:
        with transaction.atomic():
            if asked.undoes_id is not None:
                verb.undo(task)
                return _Outcome("UNDONE")
            return _Outcome("DONE", attempt=verb.do(task))
    except CHANGES as refusal:
        return _Outcome("CHANGED", str(refusal))
    except REFUSALS as refusal:
        return _Outcome("REFUSED", str(refusal))
    except PASSING:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, the others go on
        _log.exception("bulk.item_failed", bulk=asked.pk, case=task.case_id)
        return _Outcome("FAILED", _OURS)


def _task(asked: Bulk, item: BulkItem, *, key: str, at: datetime) -> Task:
    return Task(
        case_id=item.case_id,
        version=item.version,
        by=asked.asked_by,
        at=at,
        key=key,
        arguments=asked.arguments,
        repair=item.repair,
        plan_sha256=item.plan_sha256,
        before=item.before,
        attempt_id=item.attempt_id,
        approved_by=asked.decided_by,
        done_at=item.at,
    )


def _before(case_id: int) -> dict[str, str]:
    """Write down what an undo goes back to."""
    found = Case.objects.values("state", "owner__username").get(pk=case_id)
    return {"state": found["state"], "owner": found["owner__username"] or ""}

"""Judges every order once a night, or when asked: the safety net under the due marks.

In a healthy product it opens and clears nothing, for whatever changes an order marks it as due.
"""

from dataclasses import asdict
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from audit.record import record
from reconciliation import clock, nudge, reconcile
from reconciliation.job_runner import Progress
from reconciliation.models import Installation, Job, Order
from reconciliation.reconcile import Counts

KIND = "pass"
STARTERS = frozenset({"Platform owner", "Admin"})
NEEDS = "Needs Platform owner."
_NIGHT = timedelta(hours=2)  # after midnight UTC
_UNDER_WAY = (Job.State.QUEUED, Job.State.RUNNING)


class NotAllowed(Exception):
    """This person may not start a pass; the message may be shown."""


class CannotStart(Exception):
    """One is under way; the message may be shown."""


def can_start(user: User) -> bool:
    """Tell whether a person may have every order judged."""
    return user.is_superuser or user.groups.filter(name__in=STARTERS).exists()


def take(*, limit: int, at: datetime) -> int:
    """Begin tonight's pass, unless it was begun; says whether it was. A missed night is made up."""
    night = (at - _NIGHT).replace(hour=0, minute=0, second=0, microsecond=0) + _NIGHT
    if _begun_since(night) or clock.is_simulated():
        return 0
    with transaction.atomic():
        installation = Installation.objects.select_for_update().first()
        if installation is None or _begun_since(night):
            return 0
        _begin(title="Nightly pass over all orders", by=None, at=at)
    return 1


@transaction.atomic
def start(*, by: User, at: datetime) -> Job:
    """Have every order judged now. Raises NotAllowed, CannotStart."""
    if not can_start(by):
        raise NotAllowed(NEEDS)
    Installation.objects.select_for_update().first()  # one pass at a time
    if running := Job.objects.filter(kind=KIND, state__in=_UNDER_WAY).first():
        raise CannotStart(f"{running.title} is under way. Nothing was started.")
    job = _begin(title="Pass over all orders", by=by, at=at)
    record(
        stream="system",
        subject_id=1,
        action="pass.started",
        actor=by.get_username(),
        at=at,
        detail={"job": job.pk},
    )
    nudge.after_commit("jobs")
    return job


def step(job: Job, at: datetime) -> Progress:
    """Judge the next orders by key, and note the pass after the last."""
    counts, last = Counts(**job.result), int(job.checkpoint.get("last", 0))
    total = job.total if last else Order.objects.count()
    following = Order.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
    ids = list(following[: reconcile.BATCH])
    if ids:
        counts += reconcile.judge(order_ids=ids, at=at)
    else:
        reconcile.note(counts, scope="all", started_at=job.started_at, at=at)
    return Progress(
        checkpoint={"last": ids[-1] if ids else last},
        done=counts.judged,
        total=total,
        result=asdict(counts),
        is_over=not ids,
    )


def _begin(*, title: str, by: User | None, at: datetime) -> Job:
    return Job.objects.create(kind=KIND, title=title, started_by=by, created_at=at)


def _begun_since(moment: datetime) -> bool:
    return Job.objects.filter(kind=KIND, created_at__gte=moment).exists()

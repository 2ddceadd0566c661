"""Takes a file's messages through the front door, batch by batch, as a job with progress.

Nothing needs to be undone after a kill: the same file again finds what it has brought already.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from reconciliation import ingest
from reconciliation.ingest import Receipt, Verdict
from reconciliation.models import Job, Source
from reconciliation.nudge import nudge
from reconciliation.validate import Message

_BATCH = 2_000
_MOST_ERRORS = 100  # that an answer and the job's page show


class Item(NamedTuple):
    """One message, and where in the file it stands."""

    place: str
    message: Message


def begin(
    *, source: Source, title: str, total: int, parameters: Mapping[str, Any], at: datetime
) -> Job:
    """Make the job of an import that starts now; `total` is how many messages the file has."""
    return Job.objects.create(
        kind="import",
        title=title,
        state=Job.State.RUNNING,
        total=total,
        parameters={"source": source.slug, **parameters},
        created_at=at,
        started_at=at,
    )


def run(
    *, job: Job, source: Source, items: Iterable[Item], now: Callable[[], datetime]
) -> dict[str, Any]:
    """Store every message and give the funnel: total = new + seen + conflict + rejected.

    Reads the clock by `now` once a batch, and stops between batches when the job is asked to.
    """
    try:
        _store_all(job, source, items, now)
    except BaseException:
        job.state = Job.State.FAILED
        raise
    finally:
        job.finished_at = now()
        job.save(update_fields=["state", "finished_at"])
    return {"job": job.pk, "source": source.slug, "state": job.state, **job.result}


def _store_all(
    job: Job, source: Source, items: Iterable[Item], now: Callable[[], datetime]
) -> None:
    funnel = ingest.funnel([])
    errors: list[dict[str, str]] = []
    job.state = Job.State.DONE
    for batch in _batches(items):
        if Job.objects.filter(pk=job.pk, is_stop_asked=True).exists():
            job.state = Job.State.STOPPED
            break
        receipts = ingest.store(source=source, messages=[item.message for item in batch], at=now())
        for name, number in ingest.funnel(receipts).items():
            funnel[name] += number
        errors += islice(_errors(batch, receipts), _MOST_ERRORS - len(errors))
        job.done = funnel["total"]
        job.failed = funnel[Verdict.CONFLICT.value] + funnel[Verdict.REJECTED.value]
        job.result = {**funnel, "errors": errors}
        job.save(update_fields=["done", "failed", "result"])
        nudge("apply")
    job.result = {**funnel, "errors": errors}
    job.save(update_fields=["result"])


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    left = iter(items)
    while batch := list(islice(left, _BATCH)):
        yield batch


def _errors(batch: Sequence[Item], receipts: Sequence[Receipt]) -> Iterator[dict[str, str]]:
    for item, receipt in zip(batch, receipts, strict=True):
        if receipt.verdict is Verdict.CONFLICT:
            detail = "Its id is taken by an event with another body."
            yield {"place": item.place, "pointer": "/id", "detail": detail}
        for problem in receipt.problems:
            yield {"place": item.place, **problem._asdict()}

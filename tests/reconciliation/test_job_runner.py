"""Long work by steps: each kept once, whatever is killed, stopped or broken in between."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction

from reconciliation import job_runner
from reconciliation.job_runner import CannotGoOn, Progress
from reconciliation.models import Heartbeat, Job
from tests.world import NOON

pytestmark = pytest.mark.django_db(transaction=True)


def queued(kind: str = "count", **fields: object) -> Job:
    return Job.objects.create(**{"kind": kind, "title": "x", "created_at": NOON, **fields})


def count(job: Job, at: datetime) -> Progress:
    """Write one row a step, five in all; `Heartbeat` is any table."""
    done = int(job.checkpoint.get("done", 0)) + 1
    Heartbeat.objects.create(component=f"{job.pk}-{done}", at=at)
    return Progress(
        checkpoint={"done": done}, done=done, total=5, result={"n": done}, is_over=done == 5
    )


def fail(job: Job, at: datetime) -> Progress:
    """Write a row, as `count` does, then break at the third step."""
    progress = count(job, at)
    if progress.done == 3:
        raise ValueError(progress.done)
    return progress


def refuse(_job: Job, _at: datetime) -> Progress:
    raise CannotGoOn("The file is gone.")


KINDS = {"count": count, "fail": fail, "refuse": refuse}


def take(limit: int = 20) -> int:
    return job_runner.take(kinds=KINDS, limit=limit, at=NOON)


def lapse() -> None:
    """Let every lease run out."""
    Job.objects.exclude(claimed_until=None).update(claimed_until=NOON - timedelta(days=99_999))


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_a_queued_job_is_done_to_its_end() -> None:
    job = queued()

    steps = take()

    job = fresh(job)
    assert (steps, job.state, job.done, job.total, job.result) == (5, "DONE", 5, 5, {"n": 5})
    assert (job.started_at, job.finished_at, job.claimed_until) == (NOON, NOON, None)
    assert take() == 0


def test_jobs_take_turns() -> None:
    first, second = queued(), queued()

    for _ in range(4):
        take(limit=1)

    assert (fresh(first).done, fresh(second).done) == (2, 2)


def test_a_job_that_another_process_holds_is_left_alone_until_its_lease_runs_out() -> None:
    job = queued()
    assert job_runner._claimed(KINDS, job_id=None, at=NOON)

    assert take() == 0

    lapse()
    take()
    assert fresh(job).state == "DONE"


def test_a_running_job_of_a_command_is_never_taken() -> None:
    queued(state="RUNNING")
    queued(kind="demo")

    assert take() == 0


def test_a_slow_process_whose_job_was_taken_over_leaves_no_trace() -> None:
    job = queued()

    def slow(job: Job, at: datetime) -> Progress:
        progress = count(job, at)
        with transaction.atomic():
            Job.objects.filter(pk=job.pk).update(claim_token="0" * 32)  # as another's claim would
        return progress

    job_runner.take(kinds={"count": slow}, limit=1, at=NOON)

    assert (fresh(job).done, Heartbeat.objects.count()) == (0, 0)


def test_a_job_asked_to_stop_stops_between_steps_and_keeps_what_is_done() -> None:
    job = queued()
    take(limit=2)
    Job.objects.update(is_stop_asked=True)

    take()

    job = fresh(job)
    assert (job.state, job.done, job.finished_at) == ("STOPPED", 2, NOON)
    assert Heartbeat.objects.count() == 2


def test_a_step_that_fails_is_undone_and_ends_the_job_after_four_tries() -> None:
    job = queued("fail")

    tries = [take()]
    while fresh(job).state == "RUNNING":
        assert take() == 0  # it waits a little
        lapse()
        tries.append(take())

    job = fresh(job)
    assert (tries, job.state, job.done) == ([3, 1, 1, 1], "FAILED", 2)
    assert "4 times" in job.result["error"]
    assert Heartbeat.objects.count() == 2


def test_a_job_whose_process_dies_four_times_ends() -> None:
    job = queued()
    for _ in range(4):
        assert job_runner._claimed(KINDS, job_id=None, at=NOON)
        lapse()

    take()

    assert (fresh(job).state, Heartbeat.objects.count()) == ("FAILED", 0)


def test_a_refusal_ends_the_job_at_once_with_its_words() -> None:
    job = queued("refuse")

    take()

    assert (fresh(job).state, fresh(job).result) == ("FAILED", {"error": "The file is gone."})


def test_a_command_does_its_own_job_to_the_end() -> None:
    other, mine, broken = queued(), queued(), queued("fail")

    done = job_runner.run(job_id=mine.pk, kinds=KINDS, now=lambda: NOON)
    failed = job_runner.run(job_id=broken.pk, kinds=KINDS, now=lambda: NOON)

    assert (done.state, failed.state, fresh(other).state) == ("DONE", "FAILED", "QUEUED")

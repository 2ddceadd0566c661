"""The escalating loop is killed at twenty random moments: no step is lost, and none is doubled."""

import multiprocessing
import time
from random import Random

import pytest
from django.db import connection
from django.db.models import Count

from exceptions import clocks, escalate, intake
from exceptions.models import Case, Escalation, Message
from tests.chaos import escalator
from tests.exceptions.people import WEDNESDAY, broken, install_product, lead

KILLS = 20
CASES = 120
SECONDS = 60
PARTS = ("NAME", "USER", "PASSWORD", "HOST", "PORT")
# By then every step of every case is due; each has one for its owner and one for its lead.
AFTERWARDS = WEDNESDAY.replace(month=12)

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_step_is_lost_or_doubled_when_the_loop_is_killed_twenty_times() -> None:
    install_product()
    lead()
    for number in range(CASES):
        broken(order=f"O-{number}")
    intake.take(limit=CASES, at=WEDNESDAY)
    rng, seen = Random(20261123), []  # noqa: S311

    for _ in range(KILLS):
        _run_and_kill(after=rng.uniform(0, 0.15))
        seen.append(Escalation.objects.count())
    while escalate.take(limit=CASES, at=AFTERWARDS):
        pass

    assert len(set(seen)) > 5, f"hardly ever killed at work: {seen}"
    assert Escalation.objects.count() == Message.objects.count() == 2 * CASES
    told = Escalation.objects.annotate(told=Count("messages")).values_list("told", flat=True)
    assert set(told) == {1}
    assert set(_recorded()) == {2}
    assert not Case.objects.filter(next_escalation_at__isnull=False).exists()
    assert clocks.differing() == []


def _run_and_kill(*, after: float) -> None:
    """Let a process of its own escalate for a moment, and kill it as nothing can stop."""
    begun = Escalation.objects.count()
    if begun == 2 * CASES:
        return
    database = {part: connection.settings_dict[part] for part in PARTS}
    # From a small server: a copy of this process would have its threads' and browser's state.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([escalator.__name__])
    loop = context.Process(target=escalator.run, args=(database, AFTERWARDS))
    loop.start()
    # However slow the machine is: not before it has done something.
    deadline = time.monotonic() + SECONDS
    while Escalation.objects.count() == begun:
        assert time.monotonic() < deadline, "it never began"
        time.sleep(0.01)
    time.sleep(after)  # the moment of the kill is what is random
    loop.kill()
    loop.join()


def _recorded() -> list[int]:
    """Count the escalations of each case on the trail."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM audit_auditevent WHERE action = 'case.escalated'"
            " GROUP BY stream, subject_id"
        )
        return [number for (number,) in cursor.fetchall()]

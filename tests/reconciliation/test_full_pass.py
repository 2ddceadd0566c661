"""The pass over everything: once a night, resumed after a kill, and finding nothing in health."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User

from config import health
from reconciliation import full_pass, job_runner, reconcile
from reconciliation.models import Discrepancy, Job, Order, Recheck, Run
from tests.exceptions.people import install_product
from tests.world import NOON, place, say, settle

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)
NIGHT = datetime.fromisoformat("2026-11-02T02:00:00+00:00")


@pytest.fixture(autouse=True)
def installed(db: None) -> None:
    install_product()


def orders(number: int) -> None:
    """Let orders be placed and paid, but never posted, and forget that they are due."""
    for each in range(number):
        name = f"O-{each}"
        place(name)
        say(
            "card-payments", "payment.captured", name, NOON, payment=f"P-{each}",
            amount_minor=1000, currency="EUR",
        )  # fmt: skip
    settle()
    Recheck.objects.all().delete()


def run(at: datetime = NIGHT) -> Job:
    job = Job.objects.get()
    return job_runner.run(job_id=job.pk, kinds={full_pass.KIND: full_pass.step}, now=lambda: at)


def test_a_night_has_one_pass_and_a_missed_one_is_made_up() -> None:
    begun = [
        full_pass.take(limit=1, at=NIGHT - timedelta(seconds=1)),  # last night's, made up
        full_pass.take(limit=1, at=NIGHT - timedelta(seconds=1)),
        full_pass.take(limit=1, at=NIGHT),
        full_pass.take(limit=1, at=NIGHT + DAY - timedelta(seconds=1)),
        full_pass.take(limit=1, at=NIGHT + 3 * DAY),
    ]

    assert begun == [1, 0, 1, 0, 1]
    assert Job.objects.count() == 3


def test_it_finds_what_no_mark_pointed_to_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "BATCH", 2)
    orders(5)
    at = NIGHT + 9 * DAY
    full_pass.take(limit=1, at=at)

    job = run(at)

    assert (job.state, job.done, job.total, job.result["opened"]) == ("DONE", 5, 5, 5)
    noted = Run.objects.get(scope="all")
    assert (noted.judged, noted.opened) == (5, 5)
    assert Discrepancy.objects.filter(check_name="paid_not_posted").count() == 5
    net = next(fact for fact in health.read(at=at, true_at=at).checks if "nightly" in fact.name)
    assert (net.words, net.tone) == ("Opened 5, cleared 0, 0 s ago", "warn")


def test_a_killed_pass_goes_on_where_it_was_and_counts_nothing_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "BATCH", 2)
    orders(5)
    at = NIGHT + 9 * DAY
    full_pass.take(limit=1, at=at)
    kinds = {full_pass.KIND: full_pass.step}
    job_runner.take(kinds=kinds, limit=1, at=at)
    assert Job.objects.get().done == 2

    job = run(at)

    assert (job.done, job.result["opened"], Order.objects.count()) == (5, 5, 5)


def test_a_person_starts_one_at_a_time() -> None:
    owner = User.objects.create(username="pia")
    owner.groups.add(Group.objects.get(name="Platform owner"))

    full_pass.start(by=owner, at=NOON)

    with pytest.raises(full_pass.CannotStart, match="is under way"):
        full_pass.start(by=owner, at=NOON)
    with pytest.raises(full_pass.NotAllowed):
        full_pass.start(by=User.objects.create(username="olga"), at=NOON)


def test_a_nightly_pass_that_never_came_is_said() -> None:
    Run.objects.create(scope="all", rulebook_version=1, at=NOON)

    net = health._full_pass(at=NOON + 2 * DAY)

    assert (net.words, net.tone) == ("Late, the last was 2 d ago", "bad")

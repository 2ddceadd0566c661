"""An import's process is killed at random moments: what it leaves equals a straight import."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from config.embedded import BASE_DIR
from reconciliation import job_runner, mappings, upload_page, upload_steps, uploads
from reconciliation.models import Event, Job, RejectedEvent, Source, Upload
from tests import world
from tests.exceptions.people import install_product
from tests.reconciliation.test_uploads import HEADER, MAPPING
from tests.world import NOON

ROWS, KILLS, SECONDS = 8_000, 4, 240


def table() -> bytes:
    """Write rows of which some say a thing twice, some contradict themselves, some are unfit."""
    odd = {n: f"{n - 7},2026-03-02,O-{(n - 7) % 900},1.{(n - 7) % 90 + 10}" for n in (500, 6_000)}
    odd |= {700: "3,2026-03-02,O-3,99", 4_000: "x,2026-13-02,,y", 7_999: "1,2"}
    rows = (odd.get(n, f"{n},2026-03-02,O-{n % 900},1.{n % 90 + 10}") for n in range(ROWS))
    return "\n".join([HEADER, *rows]).encode()


def environment() -> dict[str, str]:
    """Let a second process work on this test's database, without a broker."""
    mine = settings.DATABASES["default"]
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host"}
    parts = {name: str(mine[key]) for key, name in {**names, "PORT": "port"}.items() if mine[key]}
    url = psycopg.conninfo.make_conninfo("", **parts)
    return os.environ | {"DATABASE_URL": url, "REDIS_URL": "unix:///nowhere", "RECON_ENV": ""}


def start(path: Path) -> subprocess.Popen[bytes]:
    command = ("import_csv", str(path), "--source", "shop", "--mapping", "payments")
    return subprocess.Popen(
        [sys.executable, str(BASE_DIR / "manage.py"), *command],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def lapse() -> None:
    """Let the leases of dead processes run out; a living one renews its own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE reconciliation_job SET claimed_until = clock_timestamp() - interval '1 s'"
            " WHERE state = 'RUNNING'"
        )


def begin(slug: str, content: bytes) -> Upload:
    given: dict[str, Any] = {"source": world.source(slug), "by": None, "at": NOON}
    mapping = mappings.save(name="payments", content=MAPPING, **given)
    file = uploads.keep(name="rows.csv", content=content, **given)
    return uploads.begin(file=file, mapping=mapping, by=None, at=NOON)


def outcome(source: Source) -> dict[str, Any]:
    """Give all that an import leaves, but for row ids and moments."""
    upload = Upload.objects.get(file__source=source)
    items = upload.items.order_by("row", "place")
    events = Event.objects.filter(source=source).order_by("event_id")
    assert upload.import_job
    return {
        "state": upload.import_job.state,
        "counts": upload.import_job.result,
        "items": list(items.values_list("row", "identity", "verdict", "event__event_id")),
        "events": [(name, bytes(sha)) for name, sha in events.values_list("event_id", "sha256")],
        "rejected": RejectedEvent.objects.filter(source=source).count(),
        "funnel": upload_page.funnel(upload),
    }


def straight(slug: str, content: bytes) -> dict[str, Any]:
    upload = begin(slug, content)
    job_runner.run(job_id=upload.preview_job_id, kinds=upload_steps.KINDS, now=lambda: NOON)
    upload = uploads.commit(upload_id=upload.pk, by=None, at=NOON)
    assert upload.import_job
    job_runner.run(job_id=upload.import_job.pk, kinds=upload_steps.KINDS, now=lambda: NOON)
    return outcome(world.source(slug))


@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_an_import_killed_at_random_moments_ends_as_a_straight_one(tmp_path: Path) -> None:
    install_product()
    path, content = tmp_path / "rows.csv", table()
    path.write_bytes(content)
    begin("shop", content)
    chance, killed = random.Random(7), 0  # noqa: S311 - no secret

    for _ in range(KILLS):
        process, before = start(path), done()
        wait_until(lambda before=before: done() > before or is_over())
        time.sleep(chance.uniform(0, 0.4))  # somewhere in the next slices
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
        lapse()
    assert start(path).wait(SECONDS) == 0

    assert killed >= KILLS // 2
    assert Job.objects.filter(kind=uploads.IMPORT).count() == 1
    assert outcome(world.source("shop")) == straight("billing", content)
    assert outcome(world.source("shop"))["counts"]["total"] == ROWS


def done() -> int:
    return sum(Job.objects.values_list("done", flat=True))


def is_over() -> bool:
    return Job.objects.filter(kind=uploads.IMPORT, state="DONE").exists()


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)

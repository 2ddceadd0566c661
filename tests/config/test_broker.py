"""Redis may be away, silent or flushed: pages go on, nothing waits long, nothing is lost."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import caches
from django.db import transaction
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from config.cache import ForgivingCache
from config.tasks import run_stage, tick
from reconciliation import nudge
from reconciliation.models import Heartbeat


@pytest.fixture(autouse=True)
def _forget_broker() -> Iterator[None]:
    """Have each test find its own broker."""
    yield
    nudge._broker.cache_clear()
    nudge._away["until"] = 0.0


@pytest.fixture
def silent(tmp_path: Path, settings: Settings) -> Iterator[str]:
    """Give a Redis that takes connections and never says a word."""
    nudge._broker.cache_clear()
    nudge._away["until"] = 0.0
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        settings.REDIS_URL = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        yield settings.REDIS_URL


def test_a_silent_broker_costs_a_nudge_two_seconds_and_the_next_one_nothing(silent: str) -> None:
    began = time.monotonic()
    nudge.nudge("apply", "reconcile")
    first = time.monotonic() - began
    nudge.nudge("apply")

    assert first < 2.5
    assert time.monotonic() - began - first < 0.1


@pytest.mark.django_db
def test_a_nudge_waits_for_the_commit_and_never_fails_it(
    silent: str,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(nudge, "nudge", lambda *stages: sent.append(stages))

    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        nudge.after_commit("apply")
        assert sent == []

    assert sent == [("apply",)]


def test_a_cache_without_redis_loses_what_it_is_given_and_fails_nothing(silent: str) -> None:
    cache = ForgivingCache(silent, {"OPTIONS": {"socket_timeout": 0.2, "protocol": 2}})

    cache.set("a", 1)

    assert cache.get("a", "nothing") == "nothing"
    assert cache.get_many(["a", "b"]) == {}
    assert cache.get_or_set("a", lambda: 2) == 2
    assert cache.incr("a") == 0
    assert not cache.has_key("a")
    cache.delete_many(["a"])
    cache.clear()


def test_the_product_uses_that_cache() -> None:
    assert isinstance(caches["default"], ForgivingCache)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("installed")
def test_a_task_runs_one_stage_and_the_tick_shows_that_workers_live() -> None:
    assert run_stage("notify") == 0

    tick()

    assert Heartbeat.objects.get().component == "worker"

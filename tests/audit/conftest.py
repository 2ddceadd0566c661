"""What the tests of the trail share: a place for its copies, and a sealer that waits its turn."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from audit import queries, seal

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def outside(settings: Settings, tmp_path: Path) -> Path:
    """Keep the key and the copies of this test in a folder of its own."""
    settings.AUDIT_SIGNING_KEY = ""
    settings.AUDIT_SIGNING_KEY_FILE = tmp_path / "key.pem"
    settings.AUDIT_ANCHOR_FILE = tmp_path / "anchors.jsonl"
    settings.AUDIT_PUBLIC_KEYS = []
    return tmp_path


@pytest.fixture
def seal_all(outside: Path) -> Callable[[], None]:
    """Give a sealer that goes on until no row waits: other databases' transactions hold it up."""

    def _seal_all() -> None:
        until = time.monotonic() + 240  # a test beside this one may hold its transaction long
        while queries.unsealed(at=NOON)[0]:
            assert time.monotonic() < until, "the tail was never sealed"
            if not seal.take(limit=1_000, at=NOON):
                time.sleep(0.05)

    return _seal_all

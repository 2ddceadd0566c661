"""Whatever is killed under load, an event that was acknowledged is kept, and counts once.

`python -m tests.soak chaos` does the same two hundred times.
"""

import secrets
from pathlib import Path

import pytest

from tests.chaos.kills import chaos

RUNS = 30  # each of six ways five times


@pytest.mark.timeout(600)
def test_no_acknowledged_event_is_lost_whatever_is_killed(tmp_path: Path) -> None:
    seed = secrets.randbelow(10**6)

    found = chaos(runs=RUNS, seed=seed, folder=tmp_path)

    assert found.failures == [], f"seed {seed}: {found}"
    assert found.kept > 10 * RUNS
    assert set(found.kills.values()) == {5}

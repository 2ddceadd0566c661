"""Each benchmark runs at a tiny size and answers as it should; the numbers are nobody's here."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from config.embedded import BASE_DIR
from tests import chromium
from tests.benchmarks import frame
from tests.benchmarks.registry import BENCHMARKS
from tests.conftest import allow_truncate

ORDERS, ROUNDS = 12, 1
BY_COMMAND = "apply"


@pytest.fixture
def _database(transactional_db: None) -> Iterator[None]:
    """Let a benchmark switch guards off and on in this worker's database."""
    yield
    allow_truncate()


@pytest.mark.parametrize("name", sorted(set(BENCHMARKS) - {BY_COMMAND}))
@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
@pytest.mark.usefixtures("_database")
def test_a_benchmark_says_its_rates_and_what_came_of_its_goals(name: str) -> None:
    if name == "panel":
        chromium.require()
    with override_settings(RECON_ALLOW_LOCAL_TARGETS=True):
        report = frame.run(name=name, benchmark=BENCHMARKS[name], orders=ORDERS, rounds=ROUNDS)

    assert_is_told(name, report.as_json())


def test_the_command_has_a_database_of_its_own_and_answers_in_json() -> None:
    size = ("--orders", str(ORDERS), "--rounds", str(ROUNDS), "--json")
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", BY_COMMAND, *size],
        cwd=BASE_DIR,
        capture_output=True,
        check=False,
        timeout=250,
    )

    assert done.returncode == 0, done.stderr.decode()
    assert_is_told(BY_COMMAND, json.loads(done.stdout))


def assert_is_told(name: str, said: dict[str, Any]) -> None:
    assert (said["name"], said["rounds"]) == (name, ROUNDS)
    assert "PostgreSQL" in said["machine"]
    assert all(row["rate"] > 0 and row["unit"] and row["what"] for row in said["rows"])
    assert [goal["goal"] for goal in said["goals"]] == [
        goal.at_least for goal in BENCHMARKS[name].goals
    ]
    assert all(goal["holds"] is (goal["value"] >= goal["goal"]) for goal in said["goals"])

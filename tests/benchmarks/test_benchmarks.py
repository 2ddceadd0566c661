"""Each benchmark runs at a tiny size and answers as it should; the numbers are nobody's here."""

import json
import subprocess
import sys

import pytest

from config.embedded import BASE_DIR
from tests.benchmarks.registry import BENCHMARKS


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_a_benchmark_says_its_rates_and_what_came_of_its_goals(name: str) -> None:
    size = ("--orders", "40", "--rounds", "2", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", name, *size],
        cwd=BASE_DIR,
        capture_output=True,
        check=False,
        timeout=250,
    )

    assert done.returncode == 0, done.stderr.decode()
    said = json.loads(done.stdout)
    assert (said["name"], said["rounds"]) == (name, 2)
    assert "PostgreSQL" in said["machine"]
    assert all(row["rate"] > 0 and row["unit"] and row["what"] for row in said["rows"])
    assert [goal["goal"] for goal in said["goals"]] == [
        goal.at_least for goal in BENCHMARKS[name].goals
    ]
    assert all(goal["holds"] is (goal["value"] >= goal["goal"]) for goal in said["goals"])

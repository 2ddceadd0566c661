"""Checks an installation: the stories that exist, through the front door and the real pipeline."""

import os
import time
from datetime import datetime
from typing import Any

from audit import queries, seal
from audit.management.commands.verify_audit import check_stored
from config.bench import Bench, Step, bench, expect
from config.scratch import scratch_database
from config.stories import tell_all

_AT_ONCE = 100_000
_LONGEST_WAIT = 30.0  # seconds


def selfcheck() -> dict[str, Any]:
    """Run everything in a database of its own; says what came of each step."""
    began = time.monotonic()
    with scratch_database(name=f"recon_selfcheck_{os.getpid()}"), bench() as made:
        tell_all(made)
        with made.story("Audit trail"):
            _prove_trail(made)
        steps = made.steps
    return {
        "passed": all(step.passed for step in steps),
        "seconds": round(time.monotonic() - began, 1),
        "stories": _by_story(steps),
    }


def _prove_trail(made: Bench) -> None:
    with made.step("Every decision of these stories is on the trail, sealed, and proves true"):
        _seal(at=made.at)
        report = check_stored()
        expect("The number of sealed rows", found=report.sealed, wanted=report.rows)
        problems = [problem.what for problem in report.problems]
        expect("The list of problems", found=problems, wanted=[])


def _seal(*, at: datetime) -> None:
    """Seal all rows: those wait for transactions that began earlier, in other databases too."""
    until = time.monotonic() + _LONGEST_WAIT
    seal.take(limit=_AT_ONCE, at=at)
    while queries.unsealed(at=at)[0] and time.monotonic() < until:
        time.sleep(0.2)
        seal.take(limit=_AT_ONCE, at=at)


def _by_story(steps: list[Step]) -> list[dict[str, Any]]:
    names = dict.fromkeys(step.story for step in steps)
    return [
        {
            "story": name,
            "passed": all(step.passed for step in steps if step.story == name),
            "steps": [
                {"step": step.name, "passed": step.passed, "reason": step.reason}
                for step in steps
                if step.story == name
            ],
        }
        for name in names
    ]

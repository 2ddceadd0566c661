"""Kills workers at random over a company's orders, and compares with one worked undisturbed."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from multiprocessing.process import BaseProcess
from random import Random
from typing import Any

from django.db import connection

from config.pipeline import STAGES
from tests.soak import crowd, hands

# Each phase ends when its last stage has nothing left. Were all stages run from the start, an order
# might be judged by half of its events, and what is opened for that would differ from run to run.
PHASES = (("apply",), ("apply", "reconcile"), ("apply", "reconcile", "intake"))
_LONGEST_SECONDS = 7_200
_PARTS = ("NAME", "USER", "PASSWORD", "HOST", "PORT")

Fresh = Callable[[], AbstractContextManager[None]]  # an empty database while the block lasts


@dataclass
class Found:
    """What came of it; `failures` is empty where nothing was done twice or left."""

    orders: int
    workers: int
    batch: int  # what a worker takes at once, and loses when it is killed
    kills: int = 0
    seconds: float = 0.0
    undisturbed_seconds: float = 0.0
    counted: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Give it in plain values."""
        return asdict(self)


class Crew:
    """Several workers on one database; whoever is killed is replaced."""

    def __init__(self, *, workers: int, batch: int) -> None:
        # Each worker is forked from a small server that has the product loaded: it starts at once.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([hands.__name__])
        self._database = {part: connection.settings_dict[part] for part in _PARTS}
        self._workers, self._batch = workers, batch
        self._living: list[BaseProcess] = []

    def begin(self, names: tuple[str, ...]) -> None:
        """Have every worker take these stages."""
        self.end()
        self._living = [self._start(names) for _ in range(self._workers)]

    def kill_one(self, names: tuple[str, ...], rng: Random) -> None:
        """Kill one of them as the system does when memory is short, and start another."""
        number = rng.randrange(len(self._living))
        self._kill(self._living[number])
        self._living[number] = self._start(names)

    def end(self) -> None:
        """Kill all of them."""
        while self._living:
            self._kill(self._living.pop())

    def _start(self, names: tuple[str, ...]) -> BaseProcess:
        process = self._context.Process(
            target=hands.work, args=(self._database, names, self._batch), daemon=True
        )
        process.start()
        return process

    def _kill(self, process: BaseProcess) -> None:
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"a worker ended by itself: {process.exitcode}"


def killed(*, workers: int, batch: int, pause: tuple[float, float], rng: Random) -> int:
    """Work what was told with workers that are killed all the time; says how many were."""
    crew, kills = Crew(workers=workers, batch=batch), 0
    ends_at = time.monotonic() + _LONGEST_SECONDS
    try:
        for names in PHASES:
            crew.begin(names)
            while crowd.is_waiting(names[-1]):
                assert time.monotonic() < ends_at, f"{names[-1]} does not come to an end"
                time.sleep(rng.uniform(*pause))
                crew.kill_one(names, rng)
                kills += 1
    finally:
        crew.end()
    return kills


def undisturbed() -> None:
    """Work what was told in this process, one stage after the other."""
    for names in PHASES:
        stages = [stage for stage in STAGES if stage.name in names]
        while sum(stage.take(limit=stage.limit, at=crowd.AT[stage.name]) for stage in stages):
            pass


def compare(found: Found, *, fresh: Fresh, pause: tuple[float, float], seed: int) -> Found:
    """Work the same company twice, each in a database of its own, first with kills."""
    with fresh():
        crowd.tell(orders=found.orders)
        began = time.monotonic()
        found.kills = killed(
            workers=found.workers, batch=found.batch, pause=pause,
            rng=Random(seed),  # noqa: S311 - no secret
        )  # fmt: skip
        found.seconds = round(time.monotonic() - began, 1)
        found.failures += crowd.wrong()
        found.counted = crowd.outcome()
    with fresh():
        crowd.tell(orders=found.orders)
        began = time.monotonic()
        undisturbed()
        found.undisturbed_seconds = round(time.monotonic() - began, 1)
        found.failures += [f"undisturbed: {each}" for each in crowd.wrong()]
        found.failures += differences(found.counted, crowd.outcome())
    return found


def differences(killed: Mapping[str, int], calm: Mapping[str, int]) -> list[str]:
    """Say what was counted otherwise."""
    return [
        f"{name}: {killed.get(name, 0)} with kills, {calm.get(name, 0)} undisturbed"
        for name in sorted({*killed, *calm})
        if killed.get(name) != calm.get(name)
    ]

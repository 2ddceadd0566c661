"""Kills parts of a product at random while events are posted, and looks for what was lost."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import psutil
import psycopg

from tests.chaos.load import Load
from tests.chaos.product import DOUBLED, SECONDS, Processes, a_product, answers, count, wait_until

_SHORTEST, _LONGEST = 0.1, 0.6  # seconds of load before a kill
_LEFT = "SELECT count(*) FROM reconciliation_event WHERE status = 'RECEIVED'"
_HEALTHY = "import django; django.setup(); from reconciliation.queries import positions_that_differ"


@dataclass
class Found:
    """What came of all runs; `failures` is empty where nothing was lost."""

    runs: int = 0
    kept: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Give it in plain values."""
        return asdict(self)


class Killer:
    """Ends one part of the product as a machine does, and has it back."""

    def __init__(self, product: Processes) -> None:
        self._product = product
        self.ways: dict[str, Callable[[], None]] = {
            "web": self._web,
            "web worker": self._web_worker,
            "worker": self._worker,
            "worker's child": self._workers_child,
            "postmaster": self._postmaster,
            "backend": self._backend,
        }

    def _web(self) -> None:
        self._product.kill("web")
        self._product.start_web()

    def _web_worker(self) -> None:
        """Kill the process that answers; without it the server ends, and is started again."""
        _kill_one(psutil.Process(self._product.running["web"].pid).children())
        with suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
            psutil.Process(self._product.running["web"].pid).wait(1)
        self._web()

    def _worker(self) -> None:
        self._product.kill("worker")
        self._product.start_worker()

    def _workers_child(self) -> None:
        _kill_one(psutil.Process(self._product.running["worker"].pid).children())

    def _postmaster(self) -> None:
        server = self._product.postmaster()
        server.kill()
        self._product.start_postgres()

    def _backend(self) -> None:
        """Kill one connection's process: PostgreSQL throws all others out and recovers."""
        connected = [
            each
            for each in self._product.postmaster().children()
            if any("recon_app" in word for word in each.cmdline())
        ]
        _kill_one(connected)


def chaos(*, runs: int, seed: int, folder: Path) -> Found:
    """Kill so often; gives what was lost or left over."""
    found, began, rng = Found(runs), time.monotonic(), Random(seed)  # noqa: S311
    with a_product(folder) as product:
        said = product.manage(
            "connect_source", "shop", "--name", "Shop", "--kind", "shop",
            "--team", "triage", "--json",
        )  # fmt: skip
        product.start_web_and_worker()
        load = Load(base_url=product.web_url, secret=json.loads(said)["secret"])
        with load.going():
            killer = Killer(product)
            for way in islice(_in_turn(list(killer.ways), rng), runs):
                _run_once(killer, way, load, found, rng)
        found.kept = len(load.kept)
        found.failures += load.odd[:5]
        _settle(product, load, found)
    found.seconds = round(time.monotonic() - began, 1)
    return found


def _in_turn(ways: list[str], rng: Random) -> Iterator[str]:
    """Name every way once, in any order, and begin again."""
    while True:
        yield from rng.sample(ways, len(ways))


def _run_once(killer: Killer, way: str, load: Load, found: Found, rng: Random) -> None:
    """Let events come, kill something, and wait until events are kept again."""
    time.sleep(rng.uniform(_SHORTEST, _LONGEST))  # the moment is what is random
    found.kills[way] = found.kills.get(way, 0) + 1
    killer.ways[way]()
    before = len(load.kept)
    wait_until(lambda: len(load.kept) > before + 5)


def _settle(product: Processes, load: Load, found: Found) -> None:
    """Let the pipeline finish, then hold what there is against what was promised."""
    wait_until(lambda: answers(f"{product.web_url}/health/live/"))
    product.manage("sweep", "--json")
    with product.connect() as connection:
        rows = connection.cursor()
        if lost := _lost(rows, load):
            found.failures.append(f"{len(lost)} events that were kept are gone: {lost[:5]}")
        if left := count(rows, _LEFT):
            found.failures.append(f"{left} events were never applied")
        if doubled := count(rows, DOUBLED):
            found.failures.append(f"{doubled} events count twice")
    differing = product.python("-c", f"{_HEALTHY}; print(len(positions_that_differ()))")
    if int(differing):
        found.failures.append(f"{differing.strip()} orders have wrong totals")
    product.manage("verify_audit", "--json")  # fails where the trail does not prove true


def _lost(rows: psycopg.Cursor[tuple[int]], load: Load) -> list[str]:
    stored = {str(name) for (name,) in rows.execute("SELECT event_id FROM reconciliation_event")}
    return sorted(set(load.kept) - stored)


def _kill_one(processes: list[psutil.Process]) -> None:
    """Kill the newest, if there is any; it may be gone by itself."""
    with suppress(psutil.NoSuchProcess):
        for process in processes[-1:]:
            process.kill()
            process.wait(SECONDS)

"""Processes are killed in the middle of the demo's load: nothing is missing, nothing is doubled."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from config import embedded

SECONDS = 120
LOAD = ("--orders", "150", "--days", "8", "--seed", "3", "--fault-factor", "12")


class Processes:
    """A product of its own: its folder, its ports, and what runs on them."""

    def __init__(self, folder: Path) -> None:
        outside = {"DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
        kept = {name: value for name, value in os.environ.items() if name not in outside}
        self.environment = {**kept, "RECON_DATA": str(folder)}
        self.log = (folder / "log").open("ab")
        self.web_url, self.systems_url = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a Python program, known by `name` from now on."""
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=embedded.BASE_DIR,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        self.running[name] = process
        return process

    def manage(self, *arguments: str) -> str:
        """Run one of the product's commands; gives its answer."""
        return self.python("manage.py", *arguments)

    def python(self, *arguments: str) -> str:
        """Run a Python program; gives what it wrote."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=embedded.BASE_DIR,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=self.log,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout.decode()

    def kill(self, *names: str) -> None:
        """Kill each with its children, as the system does when memory is short."""
        for name in names:
            process = self.running.pop(name)
            with suppress(ProcessLookupError):  # it has ended by itself
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def start_web_and_worker(self) -> None:
        """Start both, and wait until pages answer."""
        port = self.web_url.rpartition(":")[2]
        server = ("-m", "granian", "--interface", "wsgi", "--no-ws", "--blocking-threads", "4")
        self.start("web", *server, "--port", port, "config.wsgi:application")
        flags = ("--concurrency", "1", "--without-gossip", "--without-mingle", "-l", "WARNING")
        self.start("worker", "-m", "celery", "-A", "config.celery", "worker", *flags)
        wait_until(lambda: answers(f"{self.web_url}/health/live/"))

    def start_load(self) -> subprocess.Popen[bytes]:
        """Start or resume the demo's load."""
        where = ("--base-url", self.web_url, "--systems-url", self.systems_url)
        return self.start("load", "manage.py", "demo", "load", "--json", *LOAD, *where)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310
    except OSError:
        return False
    return True


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path)
    try:
        processes.start("keeper", "-m", "config.keeper")
        processes.manage("install")
        program = "import json, config.embedded as e; print(json.dumps(e.valkey_command()))"
        processes.running["valkey"] = subprocess.Popen(
            json.loads(processes.python("-c", program)), start_new_session=True
        )
        yield processes
    finally:
        keeper = processes.running.pop("keeper")
        processes.kill(*processes.running)
        keeper.terminate()  # the last user of PostgreSQL, who stops it
        keeper.wait(SECONDS)
        processes.log.close()


@pytest.fixture
def rows(product: Processes) -> Iterator[psycopg.Cursor[tuple[int]]]:
    url = product.python("-c", "from config import embedded; print(embedded.servers().app_url)")
    with psycopg.connect(url.strip(), autocommit=True) as connection:
        yield connection.cursor()


def count(rows: psycopg.Cursor[tuple[int]], query: str) -> int:
    found = rows.execute(query).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.timeout(300)
def test_a_load_whose_processes_are_all_killed_ends_as_if_nothing_had_been(
    product: Processes, rows: psycopg.Cursor[tuple[int]]
) -> None:
    product.start_web_and_worker()
    product.start_load()
    for least in (9, 23):  # steps done; the next is under way whenever the kill comes
        wait_until(lambda least=least: done_steps(rows) >= least)
        time.sleep(0.07)
        product.kill("load", "worker", "web")
        product.start_web_and_worker()
        product.start_load()

    assert product.running["load"].wait(SECONDS) == 0

    comparison = json.loads(product.manage("demo", "compare", "--json"))
    assert comparison["equal"], comparison
    assert comparison["found"] > 10
    assert count(rows, "SELECT count(*) FROM reconciliation_event WHERE status = 'RECEIVED'") == 0
    assert count(rows, "SELECT count(*) FROM reconciliation_order") >= 150
    assert count(rows, DOUBLED) == 0
    assert product.manage("verify_audit", "--json")


def done_steps(rows: psycopg.Cursor[tuple[int]]) -> int:
    return count(rows, "SELECT coalesce(max(done), 0) FROM reconciliation_job")


# Sums of the ledger that differ from what the events said once each.
DOUBLED = """
SELECT count(*)
FROM (
    SELECT event_id, number FROM reconciliation_entry GROUP BY event_id, number HAVING count(*) > 1
    UNION ALL
    SELECT events.source_id, 1
    FROM reconciliation_event AS events
    WHERE events.status = 'APPLIED' AND events.reference <> ''
    GROUP BY events.source_id, events.type, events.reference
    HAVING count(*) > 1
) AS doubled
"""

"""A whole product of its own, made of real processes that may be killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from config import embedded

SECONDS = 120


class Processes:
    """A product of its own: its folder, its ports, and what runs on them."""

    def __init__(self, folder: Path) -> None:
        outside = {"DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL"}
        kept = {name: value for name, value in os.environ.items() if name not in outside}
        given = {"RECON_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "config.settings"}
        self.environment = {**kept, **given}
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
        self.start_web()
        self.start_worker()
        wait_until(lambda: answers(f"{self.web_url}/health/live/"))

    def start_web(self) -> None:
        """Start the web server."""
        port = self.web_url.rpartition(":")[2]
        server = ("-m", "granian", "--interface", "wsgi", "--no-ws", "--blocking-threads", "4")
        self.start("web", *server, "--port", port, "config.wsgi:application")

    def start_worker(self) -> None:
        """Start a worker with one child that does the work."""
        flags = ("--concurrency", "1", "--without-gossip", "--without-mingle", "-l", "WARNING")
        self.start("worker", "-m", "celery", "-A", "config.celery", "worker", *flags)

    def start_valkey(self) -> None:
        """Start the broker."""
        program = "import json, config.embedded as e; print(json.dumps(e.valkey_command()))"
        self.running["valkey"] = subprocess.Popen(
            json.loads(self.python("-c", program)), start_new_session=True
        )
        wait_until(self.valkey_socket().exists)

    def valkey_socket(self) -> Path:
        """Name where the broker listens."""
        program = "from config import embedded; print(embedded.valkey_socket())"
        return Path(self.python("-c", program).strip())

    def start_postgres(self) -> None:
        """Start PostgreSQL again, which the keeper then keeps."""
        self.python("-c", "from config import embedded; embedded.ensure_postgres()")

    def postmaster(self) -> psutil.Process:
        """Find the server's first process."""
        file = Path(self.environment["RECON_DATA"], "postgres", "postmaster.pid")
        return psutil.Process(int(file.read_text().split()[0]))

    def connect(self) -> psycopg.Connection[tuple[int]]:
        """Connect as the product does."""
        url = self.python("-c", "from config import embedded; print(embedded.servers().app_url)")
        return psycopg.connect(url.strip(), autocommit=True)


@contextmanager
def a_product(folder: Path) -> Iterator[Processes]:
    """Install a product in a folder, its servers running; nothing of it is left running."""
    processes = Processes(folder)
    try:
        processes.start("keeper", "-m", "config.keeper")
        processes.manage("install")
        processes.start_valkey()
        yield processes
    finally:
        keeper = processes.running.pop("keeper")
        processes.kill(*processes.running)
        keeper.terminate()  # the last user of PostgreSQL, who stops it
        keeper.wait(SECONDS)
        processes.log.close()


def count(rows: psycopg.Cursor[tuple[int]], query: str) -> int:
    """Ask a question whose answer is one number."""
    found = rows.execute(query).fetchone()
    assert found is not None
    return found[0]


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str) -> bool:
    """Tell whether a page answers."""
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310
    except OSError:
        return False
    return True


def wait_until(holds: Callable[[], object]) -> None:
    """Wait until something holds, or fail."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


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

"""Several workers, each as on a machine of its own, on one PostgreSQL and one Redis.

A machine is a working folder of its own: all that it shares with the others are the two addresses
and the keys. What is simulated is the network between them, and that they have processors of their
own.
"""

import re
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.product import DOUBLED, Processes, a_product, count, wait_until

_SECRETS = ("MASTER_KEY", "SECRET_KEY")
_PROGRAM = "import django; django.setup(); from tests.soak import crowd; "
# Celery says what each task has done, which the product finds too much to log.
_TRACED = "from config import logs; logs._CHATTY = (); from celery.__main__ import main; main()"
_TOOK = re.compile(r"Task stage\[[^]]*\] succeeded in \S+: (\d+)")
_LEFT = """
SELECT
    (SELECT count(*) FROM reconciliation_event WHERE status IN ('RECEIVED', 'PARKED'))
    + (SELECT count(*) FROM reconciliation_recheck WHERE due_at <= now())
    + (
        SELECT count(*)
        FROM reconciliation_discrepancy AS found
        WHERE
            found.cleared_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM exceptions_case WHERE discrepancy_id = found.id)
    )
"""
_LONGEST_SECONDS = 7_200
_FLAGS = ("--concurrency", "1", "--without-gossip", "-l", "INFO")


@dataclass
class Worked:
    """How long so many workers took; `failures` is empty where nothing was done twice or left."""

    orders: int
    workers: int
    seconds: float = 0.0
    units_by_worker: list[int] = field(default_factory=list)  # events, orders and cases together
    orders_by_state: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Give it in plain values."""
        return asdict(self)


def work(*, orders: int, workers: int, folder: Path) -> Worked:
    """Tell a product of so many orders, then let so many workers loose on them."""
    found = Worked(orders, workers)
    with a_product(_made(folder, "servers")) as product, ExitStack() as stack:
        product.python("-c", f"{_PROGRAM}crowd.tell(orders={orders}, at=crowd.long_ago())")
        machines = [_machine(product, _made(folder, f"machine{n}")) for n in range(workers)]
        for machine in machines:
            stack.callback(_stop, machine)
        rows = stack.enter_context(product.connect()).cursor()
        for machine in machines:
            node = f"worker@{_home(machine).name}"  # as the host's name would make it
            machine.start("worker", *_celery("worker", "-n", node, *_FLAGS))
        wait_until(lambda: all("ready." in _log(machine) for machine in machines))
        schedule = _home(machines[0]) / "beat"
        began = time.monotonic()
        machines[0].start("beat", *_celery("beat", "-l", "WARNING", "-s", str(schedule)))
        _wait_until_done(rows)
        found.seconds = round(time.monotonic() - began, 1)
        found.units_by_worker = [sum(map(int, _TOOK.findall(_log(each)))) for each in machines]
        _look(found, product, rows)
    return found


def _machine(product: Processes, folder: Path) -> Processes:
    """Set up what a second machine is given: where the servers are, and the keys."""
    machine = Processes(folder)
    program = "from config import embedded; print(embedded.servers().app_url)"
    machine.environment |= {
        "DATABASE_URL": product.python("-c", program).strip(),
        "LOG_LEVEL": "INFO",
        "REDIS_URL": f"unix://{product.valkey_socket()}",
    }
    home = Path(product.environment["RECON_DATA"])
    for name in _SECRETS:
        machine.environment[name] = (home / name.lower()).read_text().strip()
    return machine


def _stop(machine: Processes) -> None:
    machine.kill(*machine.running)
    machine.log.close()


def _celery(*command: str) -> tuple[str, ...]:
    return ("-c", _TRACED, "-A", "config.celery", *command)


def _home(machine: Processes) -> Path:
    return Path(machine.environment["RECON_DATA"])


def _log(machine: Processes) -> str:
    return (_home(machine) / "log").read_text()


def _made(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


def _wait_until_done(rows: psycopg.Cursor[tuple[int]]) -> None:
    ends_at = time.monotonic() + _LONGEST_SECONDS
    while count(rows, _LEFT):
        assert time.monotonic() < ends_at, "the work does not come to an end"
        time.sleep(0.1)


def _look(found: Worked, product: Processes, rows: psycopg.Cursor[tuple[int]]) -> None:
    """Hold what there is against what must be."""
    said = product.python("-c", f"{_PROGRAM}print(*crowd.wrong(), sep='\\n')").strip()
    found.failures += said.splitlines()
    if doubled := count(rows, DOUBLED):
        found.failures.append(f"{doubled} events count twice")
    states = rows.connection.execute("SELECT state, count(*) FROM reconciliation_order GROUP BY 1")
    found.orders_by_state = {str(state): int(number) for state, number in sorted(states)}

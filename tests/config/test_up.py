"""`manage.py up`: one at a time, what dies comes back, and nothing outlives it."""

import json
import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from config import embedded
from config.running import CannotRun, check_port, free_port
from tests.config.processes import (
    data_folder,
    family,
    is_alive,
    manage,
    postmaster,
    running,
    said,
    wait_until,
)

_SLOW = pytest.mark.timeout(240)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give an own data folder."""
    with data_folder() as folder:
        monkeypatch.setenv("RECON_DATA", str(folder))
        yield folder


@pytest.fixture(params=[()], ids=["in-words"])
def product(data: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Run an empty product, and give it once its pages answer."""
    # Workers look at once, and would all find the same free port.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    port = str(free_port(host="127.0.0.1", above=20_000 + 500 * worker))
    command = (str(embedded.BASE_DIR / "manage.py"), "up", "--no-demo", "--port", port)
    with running(data, *command, *request.param) as process:
        wait_until(lambda: process.poll() is not None or "http://" in words(data), seconds=90)
        assert process.poll() is None, words(data)
        yield process


def words(data: Path) -> str:
    """Give all that the product has said."""
    return said(data).read_text()


def events(data: Path) -> list[dict[str, Any]]:
    """Give all that the product has said to a program."""
    return [json.loads(line) for line in words(data).splitlines()]


def everyone(data: Path, product: subprocess.Popen[str]) -> list[psutil.Process]:
    """Find every process of the product, its servers' too."""
    server = postmaster(data)
    assert server is not None
    return [*family(product.pid), server, *server.children()]


def children(product: subprocess.Popen[str], word: str) -> list[psutil.Process]:
    """Find the children whose command has this word."""
    everybody = psutil.Process(product.pid).children()
    return [process for process in everybody if is_alive(process) and word in process.cmdline()]


@_SLOW
@pytest.mark.parametrize("product", [("--json",)], indirect=True, ids=["in-json"])
def test_ctrl_c_ends_every_process_and_what_died_before_came_back(
    data: Path, product: subprocess.Popen[str]
) -> None:
    assert [(said["event"], said["sign_ins"]) for said in events(data)] == [("running", [])]
    wait_until(lambda: children(product, "beat"), seconds=10)
    (beat,) = children(product, "beat")
    beat.kill()
    wait_until(lambda: ("beat", -9) in _deaths(data), seconds=10)
    wait_until(lambda: children(product, "beat"), seconds=10)
    server = postmaster(data)
    _kill(server)
    # Whoever needs it first starts it again: `up`, or a child that is just coming back.
    wait_until(lambda: postmaster(data) not in (None, server), seconds=60)
    wait_until(lambda: {"beat", "worker", "loop:seal"} <= _heard(), seconds=60)
    before = everyone(data, product)

    product.send_signal(signal.SIGINT)

    assert product.wait(timeout=40) == 0
    assert [said["event"] for said in events(data)[-2:]] == ["stopping", "stopped"]
    assert [process for process in before if is_alive(process)] == []
    assert postmaster(data) is None


@_SLOW
def test_a_second_start_says_that_one_runs_and_a_kill_leaves_nothing(
    data: Path, product: subprocess.Popen[str]
) -> None:
    wait_until(lambda: "Ctrl-C" in words(data), seconds=10)
    assert "create_admin" in words(data)
    address = re.search(r"http://\S+", words(data))
    assert address is not None

    second = manage(data, "up", "--no-demo", "--json")

    assert second.returncode == 1
    refusal = f"The product runs already: process {product.pid}, {address[0]}."
    assert json.loads(second.stdout) == {"error": refusal}
    assert refusal in second.stderr
    with urllib.request.urlopen(address[0], timeout=10) as page:  # noqa: S310
        assert page.status == 200
    before = everyone(data, product)

    product.kill()

    wait_until(lambda: not any(map(is_alive, before)), seconds=40)


def test_a_taken_port_is_named_with_one_that_is_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(CannotRun, match=rf"Port {port} of .* taken .*manage.py up --port \d+"):
            check_port(host="127.0.0.1", port=port)


def _deaths(data: Path) -> set[tuple[str, int]]:
    """Name the children that died, with their codes."""
    found = [said for said in events(data) if said["event"] == "child_stopped" and "code" in said]
    return {(said["child"], said["code"]) for said in found}


def _kill(process: psutil.Process | None) -> None:
    assert process is not None
    process.kill()


def _heard() -> set[str]:
    """Name the components whose sign of life is in the product's database."""
    try:
        with psycopg.connect(embedded.servers().app_url) as connection:
            found = connection.execute("SELECT component FROM reconciliation_heartbeat")
            return {component for (component,) in found.fetchall()}
    except psycopg.OperationalError:  # it has just been killed
        return set()

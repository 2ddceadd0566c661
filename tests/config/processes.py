"""Runs the product's own commands as real processes, on data folders of their own."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from config.embedded import BASE_DIR

_ELSEWHERE = ("DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL", "RECON_ENV")


@contextmanager
def data_folder(*, under: str = "data") -> Iterator[Path]:
    """Make a data folder, and leave no server in it.

    Not among pytest's own folders: each new session of pytest closes those to other accounts,
    and as root the server runs as one.
    """
    top = Path(tempfile.mkdtemp(prefix="recon-test-"))
    try:
        yield top / under
    finally:
        if server := postmaster(top / under):
            server.kill()
            wait_until(lambda: not is_alive(server), seconds=10)
        shutil.rmtree(top, ignore_errors=True)


def environment(data: Path) -> dict[str, str]:
    """Give an environment in which the product brings its own servers, in `data`."""
    kept = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    return kept | {"RECON_DATA": str(data)}


def manage(
    data: Path, *arguments: str, given: str = "", timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, from a folder that is not the project's."""
    return subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
        check=False,
        cwd="/",
        env=environment(data),
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@contextmanager
def running(data: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command beside the test, its words in `said`; kill what is left of it at the end."""
    with said(data).open("w") as out:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd="/",
            env=environment(data),
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
    try:
        yield process
    finally:
        left = [*family(process.pid), process]
        for one in left:
            if one.poll() is None if isinstance(one, subprocess.Popen) else one.is_running():
                one.kill()
        process.wait()


def said(data: Path) -> Path:
    """Name the file that holds what a running command has said."""
    data.mkdir(parents=True, exist_ok=True)
    return data / "said.txt"


def family(pid: int) -> list[psutil.Process]:
    """Find all children of a process, however deep."""
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def postmaster(data: Path) -> psutil.Process | None:
    """Find the living PostgreSQL of a data folder."""
    try:
        process = psutil.Process(int((data / "postgres/postmaster.pid").read_text().split()[0]))
    except (FileNotFoundError, IndexError, psutil.NoSuchProcess):
        return None
    return process if is_alive(process) and process.name() == "postgres" else None


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs; one that only waits to be collected does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until(holds: Callable[[], object], *, seconds: float) -> None:
    """Wait until something holds, or fail."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.1)

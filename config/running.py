"""The whole product as one command: which processes it is made of, and their life together."""

import errno
import fcntl
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from config import embedded
from config.supervisor import Child, Say, Supervisor

_LOOK_SECONDS = 0.25
_PAUSE_SECONDS = 5.0
_ANSWER_SECONDS = 90.0
_DOUBLE_SECONDS = 1.0  # a second signal within this is the same Ctrl-C, told twice


class CannotRun(Exception):
    """The product cannot start; the message says why and what to do."""


class Stopped(Exception):
    """Somebody asked the product to stop."""


@contextmanager
def alone(*, address: str) -> Iterator[None]:
    """Be the only one that runs on this data folder; raises CannotRun where one does."""
    path = embedded.data_dir() / "up.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CannotRun(f"The product runs already: {file.read().strip()}.") from None
        file.truncate(0)
        file.write(f"process {os.getpid()}, {address}")
        file.flush()
        yield
        file.truncate(0)


def check_port(*, host: str, port: int) -> None:
    """Raise CannotRun, naming a free one, if the port cannot be listened on."""
    problem = _try_port(host, port)
    if problem is None:
        return
    if problem.errno != errno.EADDRINUSE:
        raise CannotRun(f"Cannot listen on port {port} of {host}: {problem.strerror}.")
    free = next((other for other in range(port + 1, port + 100) if not _try_port(host, other)), 0)
    raise CannotRun(
        f"Port {port} of {host} is taken by another program. "
        f"Choose another: manage.py up --port {free or '<number>'}"
    )


def free_port(*, host: str, above: int) -> int:
    """Find a port above `above` that nobody listens on; raises CannotRun if there is none."""
    for port in range(above + 1, above + 100):
        if _try_port(host, port) is None:
            return port
    raise CannotRun(f"No port from {above + 1} to {above + 99} of {host} is free.")


def _try_port(host: str, port: int) -> OSError | None:
    try:
        family, *_rest, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as problem:
        return problem
    return None


class Product:
    """All processes of one installation, while `manage.py up` runs."""

    def __init__(self, *, host: str, port: int, say: Say) -> None:
        self._host, self._port, self._say = host, port, say
        self._logs = embedded.data_dir() / "logs"
        self._logs.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            "RECON_DATA": str(embedded.data_dir()),
            "CELERY_SKIP_CHECKS": "1",  # checked before a release, not at every start
        }
        self._children = Supervisor(folder=embedded.BASE_DIR, environment=environment, say=say)

    @property
    def address(self) -> str:
        """Give the address that a person on this machine opens."""
        names = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on
        host = names.get(self._host, self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    def start(self) -> None:
        """Start every process, the others once the web server answers: its pages matter most.

        Raises CannotRun if it does not.
        """
        if embedded.is_bundled():
            self._add("keeper", [sys.executable, "-m", "config.keeper"], is_server=True)
        if not os.environ.get("REDIS_URL"):
            self._add("valkey", embedded.valkey_command(), is_server=True)
        self._add("web", self._web())
        self._wait_for_pages()
        self._start_workers()

    def _wait_for_pages(self) -> None:
        deadline = time.monotonic() + _ANSWER_SECONDS
        while time.monotonic() < deadline:
            if self._answers():
                return
            self._children.tend()
            time.sleep(_LOOK_SECONDS)
        raise CannotRun(f"The web server does not answer; see {self._logs / 'web.log'}.")

    def _start_workers(self) -> None:
        celery = [sys.executable, "-m", "celery", "-A", "config.celery"]
        schedule = str(embedded.data_dir() / "beat-schedule")
        flags = ["--without-gossip", "--without-mingle", "--concurrency", "2"]
        self._add("worker", [*celery, "worker", *flags, "--loglevel", "WARNING"])
        self._add("beat", [*celery, "beat", "-s", schedule, "--pidfile=", "-l", "WARNING"])
        for loop in ("escalate", "seal", "watch"):
            self._add(f"loop-{loop}", self._manage("loop", loop))

    def start_command(self, name: str, *arguments: str, is_passing: bool = False) -> None:
        """Keep one of the product's own commands running; a passing one, until it is done."""
        self._add(name, self._manage(*arguments), is_passing=is_passing)

    def has(self, name: str) -> bool:
        """Tell whether the child of this name is still kept."""
        return self._children.has(name)

    def tend(self) -> None:
        """Look after everything once, then rest a moment."""
        self._children.tend()
        if embedded.is_bundled() and not embedded.is_postgres_running():
            self._say(
                "postgres stopped; starting it again.", event="child_stopped", child="postgres"
            )
            try:
                embedded.ensure_postgres()
            except embedded.CannotStart as failure:
                self._say(str(failure), event="child_failed", child="postgres")
                time.sleep(_PAUSE_SECONDS)
        time.sleep(_LOOK_SECONDS)

    def stop(self) -> None:
        """End every process; a second Ctrl-C ends them at once."""
        began, impatient = time.monotonic(), False

        def hurry(_number: int, _frame: FrameType | None) -> None:
            nonlocal impatient
            impatient = time.monotonic() - began > _DOUBLE_SECONDS

        _on_signals(hurry)
        self._children.stop(is_impatient=lambda: impatient)

    def _add(
        self, name: str, command: list[str], *, is_passing: bool = False, is_server: bool = False
    ) -> None:
        log = self._logs / f"{name}.log"
        if log.exists():  # the last run's stays beside the new one
            log.replace(log.with_suffix(".log.1"))
        self._children.add(
            Child(name, command, log=log, is_passing=is_passing, is_server=is_server)
        )

    def _web(self) -> list[str]:
        flags = {
            "--interface": "wsgi",
            "--host": self._host,
            "--port": str(self._port),
            "--workers": "2",
            "--blocking-threads": "4",
            "--workers-kill-timeout": "5",
        }
        words = [word for pair in flags.items() for word in pair]
        return [sys.executable, "-m", "granian", *words, "--no-ws", "config.wsgi:application"]

    def _manage(self, *arguments: str) -> list[str]:
        return [sys.executable, str(embedded.BASE_DIR / "manage.py"), *arguments]

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.address}/health/live/", timeout=5).close()  # noqa: S310
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


@contextmanager
def until_stopped() -> Iterator[None]:
    """Have Ctrl-C, a closed terminal and SIGTERM raise Stopped, and take that as a good end."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    with ExitStack() as afterwards:
        for number, before in _on_signals(stop):
            afterwards.callback(signal.signal, number, before)
        try:
            yield
        except Stopped:
            return


def _on_signals(
    handler: Callable[[int, FrameType | None], None],
) -> list[tuple[int, Callable[[int, FrameType | None], None] | int | None]]:
    return [
        (number, signal.signal(number, handler))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ]

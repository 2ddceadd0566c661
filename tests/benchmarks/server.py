"""A real web server on the benchmark's database, and a client that costs next to nothing."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from django.db import connections

from config.embedded import BASE_DIR
from config.running import free_port

_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_PARTS = ("user", "password", "host", "port")
_PROCESSES: dict[int, int] = {}


@contextmanager
def serving(module: str) -> Iterator[int]:
    """Serve a module's WSGI application by granian as `manage.py up` does; gives its port."""
    port = free_port(host=_HOST, above=42_000)
    flags = ("--interface", "wsgi", "--workers", "2", "--blocking-threads", "4", "--no-ws")
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", *flags, "--port", str(port), f"{module}:application"],
        cwd=BASE_DIR,
        env={**os.environ, **_addresses(), "LOG_LEVEL": "ERROR"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _PROCESSES[port] = process.pid
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(_START_SECONDS)


def post_all(*, port: int, requests: Sequence[bytes], at_once: int) -> float:
    """Send requests over `at_once` connections; gives the seconds until the last answer.

    Raises RuntimeError where one was not answered by 200 or 202.
    """
    turn, failures = count(), list[str]()

    def work() -> None:
        with socket.create_connection((_HOST, port)) as line:
            while (number := next(turn)) < len(requests) and not failures:
                line.sendall(requests[number])
                answer = _answer(line)
                if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202")):
                    failures.append(answer[:300].decode(errors="replace"))

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(failures[0])
    return time.perf_counter() - began


def cpu_seconds(port: int) -> float:
    """Say what the server on `port` and the database behind it have used of a core so far."""
    return sum(map(_cpu_seconds, [*_family(_PROCESSES[port]), *_backends()]))


def _family(pid: int) -> Iterator[int]:
    """Give a process and all that came of it (as Linux tells it)."""
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            yield from _family(int(child))


def _backends() -> list[int]:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in cursor.fetchall()]


def _cpu_seconds(pid: int) -> float:
    try:
        used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # ended meanwhile
        return 0.0
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Write a POST as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", f"host: {_HOST}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _answer(line: socket.socket) -> bytes:
    """Read one answer, all of it."""
    read = line.recv(65_536)
    while b"\r\n\r\n" not in read:
        more = line.recv(65_536)
        if not more:
            return read
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
    left = length - len(body)
    while left > 0:
        left -= len(line.recv(65_536))
    return read


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection((_HOST, port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("The web server does not answer.")


def _addresses() -> dict[str, str]:
    """Name the databases that this process works on."""
    parts = {"dbname": "NAME"} | {part: part.upper() for part in _PARTS}
    return {
        variable: psycopg.conninfo.make_conninfo(
            **{
                part: connections[alias].settings_dict[key]
                for part, key in parts.items()
                if connections[alias].settings_dict[key]
            }
        )
        for variable, alias in (("DATABASE_URL", "default"), ("OWNER_DATABASE_URL", "owner"))
    }

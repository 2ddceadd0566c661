"""Keeps child processes running: starts them, says and restarts what dies, ends them all."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil

_GRACE_SECONDS = 12.0  # the worker gives its tasks 10 s to end by themselves
_STEADY_SECONDS = 60.0  # who has lived this long is restarted at once
_LONGEST_PAUSE_SECONDS = 30.0
_LAST_LINES = 3
_PR_SET_PDEATHSIG = 1


class Say(Protocol):
    """Tells whoever runs this: words for a person, an event with its facts for a program."""

    def __call__(self, words: str, *, event: str, **facts: Any) -> None:  # noqa: ANN401 - any fact
        """Say it."""


@dataclass
class Child:
    """One process to keep: how it starts, and what became of it."""

    name: str
    command: Sequence[str]
    log: Path
    is_passing: bool = False  # ends by itself when its work is done
    is_server: bool = False  # others need it to end well
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    falls: int = 0
    start_at: float = field(default=0.0)


class Supervisor:
    """Several children, each in a process group of its own, so that Ctrl-C reaches only us."""

    def __init__(self, *, folder: Path, environment: dict[str, str], say: Say) -> None:
        self._folder = folder
        self._environment = environment
        self._say = say
        self._children: list[Child] = []

    def add(self, child: Child) -> None:
        """Start a child, and keep it running from now on."""
        self._children.append(child)
        self._start(child)

    def tend(self) -> None:
        """Look once at every child: say what died, and start it again when its pause is over."""
        for child in list(self._children):
            if child.process is None:
                if time.monotonic() >= child.start_at:
                    self._start(child)
            elif child.process.poll() is not None:
                self._bury(child)

    def has(self, name: str) -> bool:
        """Tell whether a child of this name is kept, running or about to run again."""
        return any(child.name == name for child in self._children)

    def stop(self, *, is_impatient: Callable[[], bool]) -> None:
        """End all children, those that others need last; kill what is left in the end."""
        living = list(self._living())
        families = [(child, _family(child)) for child in living]
        for serves in (False, True):
            _ask_to_end([child for child in living if child.is_server is serves], is_impatient)
        for child, family in families:
            _kill(child, family)
        self._children.clear()

    def _living(self) -> Iterator[Child]:
        return (child for child in self._children if _runs(child))

    def _start(self, child: Child) -> None:
        with child.log.open("ab") as log:
            child.process = subprocess.Popen(  # noqa: S603 - our own commands
                child.command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=None if child.is_passing else log,
                stderr=log,
                start_new_session=True,
                # Safe here: this process has one thread.
                preexec_fn=_die_with_parent,  # noqa: PLW1509
            )
        child.started_at = time.monotonic()

    def _bury(self, child: Child) -> None:
        assert child.process is not None
        code = child.process.returncode
        _kill(child, [])
        if child.is_passing and code == 0:
            self._children.remove(child)
            return
        lived = time.monotonic() - child.started_at
        child.falls = 0 if lived >= _STEADY_SECONDS else child.falls + 1
        pause = min(0.5 * 2 ** max(child.falls - 1, 0), _LONGEST_PAUSE_SECONDS)
        child.process, child.start_at = None, time.monotonic() + pause
        last = _last_lines(child.log) if child.falls > 1 else []
        words = f"{child.name} stopped ({_cause(code)}); starting it again in {pause:g} s."
        self._say(
            "\n  ".join([words, *last]),
            event="child_stopped",
            child=child.name,
            code=code,
            starts_in_seconds=pause,
            last_lines=last,
        )


def _runs(child: Child) -> bool:
    return child.process is not None and child.process.poll() is None


def _ask_to_end(children: Sequence[Child], is_impatient: Callable[[], bool]) -> None:
    """Tell them to end, and wait until they have, the time is over or nobody wants to wait."""
    for child in children:
        assert child.process is not None
        child.process.terminate()
    deadline = time.monotonic() + _GRACE_SECONDS
    while any(map(_runs, children)) and time.monotonic() < deadline and not is_impatient():
        time.sleep(0.05)


def _family(child: Child) -> list[psutil.Process]:
    """Name the child's own children while it lives: afterwards nobody knows whose they are."""
    assert child.process is not None
    try:
        return list(psutil.Process(child.process.pid).children(recursive=True))
    except psutil.Error:
        return []


def _kill(child: Child, family: list[psutil.Process]) -> None:
    """Kill what is left of a child's group and family."""
    assert child.process is not None
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, signal.SIGKILL)
    for process in family:
        with suppress(psutil.Error):
            process.kill()
    child.process.wait()


def _die_with_parent() -> None:
    """Have the system end this child if we are killed without a chance to do so (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _cause(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _last_lines(log: Path) -> list[str]:
    text = log.read_bytes()[-4000:].decode(errors="replace")
    return [line[:300] for line in text.splitlines()[-_LAST_LINES:]]

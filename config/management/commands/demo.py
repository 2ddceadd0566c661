"""`manage.py demo`: the simulated company, from its past to its own record of what went wrong."""

import argparse
import signal
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config import premises, simulate
from config.compare import compare, findings
from config.demo import truth
from config.demo.sender import NotAccepted, Sender
from config.people import NotADemo
from config.premises import CannotLoad, Setup
from config.simulate import Progress
from config.systems import ours_or_theirs, serve
from reconciliation import clock
from reconciliation.management.console import ProductCommand

_STEPS_A_DAY = timedelta(days=1) // premises.STEP


class Command(ProductCommand):
    """Does one of four parts."""

    help = "The demo company: load its past, let it live on, play its systems, compare."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the part and its options."""
        super().add_arguments(parser)
        parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
        load = parts.add_parser("load", help="drive its past through the product, or go on with it")
        parts.add_parser("trickle", help="let it live on, until stopped")
        parts.add_parser("systems", help="play its systems, which take write-backs, until stopped")
        parts.add_parser("compare", help="hold the findings against its own record of its faults")
        load.add_argument("--orders", type=int, default=20_000, help="orders in its past")
        load.add_argument("--days", type=int, default=60, help="days of its past")
        load.add_argument("--seed", type=int, default=7, help="another seed, another company")
        load.add_argument("--fault-factor", type=int, default=1, help="times the usual faults")
        load.add_argument("--base-url", default="http://127.0.0.1:8000", help="the product")
        load.add_argument("--systems-url", default="http://127.0.0.1:8001", help="its own systems")
        for part in parts.choices.values():
            part.add_argument(
                "--json",
                action="store_true",
                default=argparse.SUPPRESS,
                help="answer with one JSON object",
            )

    def handle(self, *args: object, **options: Any) -> None:  # noqa: ANN401 - as Django has it
        """Answer, and fail where findings and truth differ."""
        self.is_different = False
        super().handle(*args, **options)
        if self.is_different:
            sys.exit(1)

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Do the part."""
        parts = {
            "load": self._load,
            "trickle": self._trickle,
            "systems": self._systems,
            "compare": self._compare,
        }
        try:
            return parts[options["part"]](options)
        except (CannotLoad, NotADemo, NotAccepted) as refusal:
            raise CommandError(str(refusal)) from refusal

    def _load(self, options: Mapping[str, Any]) -> dict[str, Any]:
        names = ("seed", "orders", "days", "fault_factor", "base_url", "systems_url")
        first_moment = _now() - timedelta(days=options["days"])
        setup, job = premises.move_in(
            Setup(
                starts_at=first_moment.replace(microsecond=0),
                **{name: options[name] for name in names},
            ),
            at=clock.now(),
        )
        with _line(setup) as sender, ours_or_theirs(setup, sender, true_now=_now):
            messages = simulate.drive(
                setup,
                job=job,
                sender=sender,
                true_now=_now,
                on_step=lambda progress: None if options["json"] else self._say(progress),
            )
        return simulate.counts() | {"messages": messages, "truth": str(premises.truth_path())}

    def _say(self, progress: Progress) -> None:
        """Show a line a day."""
        if progress.done % _STEPS_A_DAY == 0:
            day = f"{progress.told_until:%Y-%m-%d}"
            work = ", ".join(f"{name} {count}" for name, count in progress.work.items() if count)
            self.stdout.write(f"{day}  step {progress.done} of {progress.total}  {work}")

    def _trickle(self, _options: Mapping[str, Any]) -> dict[str, Any]:
        setup = premises.known_setup()
        with _line(setup) as sender:
            return {
                "messages": simulate.trickle(
                    setup, sender=sender, true_now=_now, stopped=_stopped()
                )
            }

    def _systems(self, _options: Mapping[str, Any]) -> dict[str, Any]:
        setup, stopped = premises.known_setup(), _stopped()
        with _line(setup) as sender, serve(setup, sender, true_now=_now):
            stopped.wait()
        return {"stopped": True}

    def _compare(self, _options: Mapping[str, Any]) -> dict[str, Any]:
        setup = premises.known_setup()
        expected = truth.read(premises.truth_path())
        comparison = compare(expected=expected, found=findings(), at=clock.now())
        self.is_different = not comparison.is_equal
        return {"orders": setup.orders} | comparison.as_json()


def _line(setup: Setup) -> Sender:
    return Sender(base_url=setup.base_url, secrets=setup.secrets)


def _now() -> datetime:
    """Read the true clock; the product's own may be simulated."""
    return datetime.now(UTC)


def _stopped() -> threading.Event:
    """Give what is set once somebody asks this process to stop."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped

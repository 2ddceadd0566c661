"""`manage.py loop`: one of the alarm loops, until it is told to stop."""

import signal
import threading
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from config.loops import LOOPS, go_round, run
from reconciliation.management.console import ProductCommand


class Command(ProductCommand):
    """Runs an alarm loop in the foreground."""

    help = "Run one alarm loop until stopped. `manage.py up` runs all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the loop's name."""
        super().add_arguments(parser)
        parser.add_argument("name", choices=sorted(LOOPS), help="which loop")
        parser.add_argument("--once", action="store_true", help="go round once, then end")

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Go round until a signal says stop."""
        name = options["name"]
        if options["once"]:
            return {"loop": name, "done": go_round(name)}
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        return {"loop": name, "done": run(name, stop=stop)}

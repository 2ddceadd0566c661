"""`manage.py up`: the whole product, in the foreground, until Ctrl-C."""

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.db import connections

from config import embedded
from config.database import migrate
from config.install import install
from config.people import NotADemo, SignIn, become_demo, set_demo_passwords
from config.running import CannotRun, Product, alone, check_port, free_port, until_stopped
from config.simulate import hold_time
from reconciliation import clock
from reconciliation.management.console import ProductCommand


class Command(ProductCommand):
    """Starts, tends and ends every process of the product; says more than one thing on the way."""

    help = (
        "Run the product: database and broker (unless DATABASE_URL and REDIS_URL name others), "
        "web server, workers, timetable, alarm loops, and the demo company. Ctrl-C ends it all. "
        "With --json each thing it says is one object on a line of its own."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to listen, and whether there is a demo company."""
        super().add_arguments(parser)
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on")
        parser.add_argument(
            "--no-demo",
            action="store_true",
            default=settings.IS_PRODUCTION,
            help="an empty product, without the demo company (always so in production)",
        )

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Run until told to stop."""
        self._is_json = options["json"]
        host, port = options["host"], options["port"]
        try:
            with until_stopped(), alone(address=f"http://{host}:{port}/"):
                check_port(host=host, port=port)
                self._run(host, port, has_demo=not options["no_demo"])
        except (CannotRun, NotADemo, embedded.CannotStart) as refusal:
            raise CommandError(str(refusal)) from refusal
        return {"event": "stopped"}

    def words(self, _facts: Mapping[str, Any]) -> str:
        """Say that nothing of it runs any more."""
        return "Stopped."

    def _run(self, host: str, port: int, *, has_demo: bool) -> None:
        product = Product(host=host, port=port, say=self._say)
        people = self._prepare(has_demo=has_demo)
        try:
            product.start()
            self._greet(product.address, people, has_demo=has_demo)
            if has_demo:
                systems = free_port(host="127.0.0.1", above=port)
                product.start_command(
                    "demo", "demo", "load", "--base-url", product.address,
                    "--systems-url", f"http://127.0.0.1:{systems}",
                    *(["--json"] if self._is_json else []), is_passing=True,
                )  # fmt: skip
            self._tend(product, has_demo=has_demo)
        finally:
            self._say("Stopping …", event="stopping")
            product.stop()

    def _prepare(self, *, has_demo: bool) -> list[SignIn]:
        """Bring the database up to date, and people into a demo that has none."""
        if settings.IS_PRODUCTION:
            call_command("collectstatic", interactive=False, verbosity=0)
        migrate()
        at = clock.now()
        install(at=at)
        people = []
        if has_demo:
            become_demo(at=at)
            people = set_demo_passwords(only_new=True, at=at)
            hold_time(at=at)
        connections.close_all()
        return people

    def _tend(self, product: Product, *, has_demo: bool) -> None:
        is_loading = has_demo
        while True:
            product.tend()
            if is_loading and not product.has("demo"):
                is_loading = False
                self._say(
                    "The demo company's past is loaded; it goes on living now.",
                    event="demo_loaded",
                )
                product.start_command("systems", "demo", "systems")
                product.start_command("trickle", "demo", "trickle")

    def _greet(self, address: str, people: list[SignIn], *, has_demo: bool) -> None:
        shown = {person.role: person for person in reversed(people)}
        sign_ins = list(reversed(shown.values()))
        logs = embedded.data_dir() / "logs"
        lines = [f"\nThe product runs at {address}/"]
        if not has_demo:
            lines.append("The first step, in another terminal: manage.py create_admin")
        elif people:
            lines.append("Sign in as (`manage.py demo_users` sets new passwords):")
            lines += [f"  {one.role:<15} {one.username:<9} {one.password}" for one in sign_ins]
        else:
            lines.append("Sign in as before, or have `manage.py demo_users` set new passwords.")
        if has_demo:
            lines.append("The demo company is loaded behind the pages; /jobs/ shows how far it is.")
        lines.append(f"Logs are in {logs}. Ctrl-C ends everything.\n")
        self._say(
            "\n".join(lines),
            event="running",
            address=f"{address}/",
            sign_ins=[one._asdict() for one in sign_ins],
            logs=str(logs),
        )

    def _say(self, words: str, *, event: str, **facts: Any) -> None:  # noqa: ANN401 - any fact
        self.stdout.write(json.dumps({"event": event, **facts}) if self._is_json else words)
        self.stdout.flush()

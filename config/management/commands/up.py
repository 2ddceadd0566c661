"""`manage.py up`: the whole product, in the foreground, until Ctrl-C."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from config import embedded
from config.database import migrate
from config.install import install
from config.people import NotADemo, SignIn, become_demo, set_demo_passwords
from config.running import CannotRun, Product, alone, check_port, free_port, until_stopped
from config.simulate import hold_time
from reconciliation import clock


class Command(BaseCommand):
    """Starts, tends and ends every process of the product."""

    help = (
        "Run the product: database and broker (unless DATABASE_URL and REDIS_URL name others), "
        "web server, workers, timetable, alarm loops, and the demo company. Ctrl-C ends it all."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to listen, and whether there is a demo company."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on")
        parser.add_argument(
            "--no-demo",
            action="store_true",
            default=settings.IS_PRODUCTION,
            help="an empty product, without the demo company (always so in production)",
        )

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401 - as Django has it
        """Run until told to stop."""
        host, port = options["host"], options["port"]
        try:
            with until_stopped(), alone(address=f"http://{host}:{port}/"):
                check_port(host=host, port=port)
                self._run(host, port, has_demo=not options["no_demo"])
        except (CannotRun, NotADemo, embedded.CannotStart) as refusal:
            raise CommandError(str(refusal)) from refusal
        self._say("Stopped.")

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
                    "--systems-url", f"http://127.0.0.1:{systems}", is_passing=True,
                )  # fmt: skip
            self._tend(product, has_demo=has_demo)
        finally:
            self._say("Stopping …")
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
                self._say("The demo company's past is loaded; it goes on living now.")
                product.start_command("systems", "demo", "systems")
                product.start_command("trickle", "demo", "trickle")

    def _greet(self, address: str, people: list[SignIn], *, has_demo: bool) -> None:
        self._say(f"\nThe product runs at {address}/")
        if not has_demo:
            self._say("The first step, in another terminal: manage.py create_admin")
        elif people:
            self._say("Sign in as (`manage.py demo_users` sets new passwords):")
            shown = {person.role: person for person in reversed(people)}
            for person in reversed(shown.values()):
                self._say(f"  {person.role:<15} {person.username:<9} {person.password}")
        else:
            self._say("Sign in as before, or have `manage.py demo_users` set new passwords.")
        if has_demo:
            self._say("The demo company is loaded behind the pages; /jobs/ shows how far it is.")
        self._say(f"Logs are in {embedded.data_dir() / 'logs'}. Ctrl-C ends everything.\n")

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()

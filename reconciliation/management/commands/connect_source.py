"""`manage.py connect_source SLUG --name NAME --kind KIND --team TEAM`: a source and its secret."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reconciliation import clock
from reconciliation.connect import TRUTH_BY_KIND, CannotConnect, connect


class Command(BaseCommand):
    """Makes a source."""

    help = "Connect an outside system: make its source, and print the secret that signs, once."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what a source is."""
        parser.add_argument("slug", help="its name in the address: /ingest/SLUG/")
        parser.add_argument("--name", required=True, help="its name on pages")
        parser.add_argument("--kind", required=True, choices=sorted(TRUTH_BY_KIND))
        parser.add_argument("--team", required=True, help="slug of the team that owns it")
        parser.add_argument(
            "--truth-for",
            action="append",
            metavar="TYPE",
            help="event types it is believed for, such as order. (repeat it); by kind unless given",
        )
        parser.add_argument("--writeback-url", default="", help="where it takes corrections")
        parser.add_argument("--json", action="store_true", help="answer with one JSON object")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401 - as Django has it
        """Make it, and print the secret."""
        try:
            secret = connect(
                slug=options["slug"],
                name=options["name"],
                kind=options["kind"],
                team_slug=options["team"],
                truth_for=options["truth_for"],
                writeback_url=options["writeback_url"],
                by="service:connect_source",
                at=clock.now(),
            )
        except CannotConnect as refusal:
            if options["json"]:
                self.stdout.write(json.dumps({"error": str(refusal)}))
            raise CommandError(str(refusal)) from refusal
        address = f"/ingest/{options['slug']}/"
        if options["json"]:
            said = {"slug": options["slug"], "address": address, "secret": secret}
            self.stdout.write(json.dumps(said))
            return
        self.stdout.write(f"{options['name']} posts to {address}, signed with this secret:")
        self.stdout.write(secret)
        self.stdout.write("It is not shown again.")

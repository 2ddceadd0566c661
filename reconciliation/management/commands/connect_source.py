"""`manage.py connect_source SLUG --name NAME --kind KIND --team TEAM`: a source and its secret."""

import sys
from collections.abc import Mapping
from getpass import getpass
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from reconciliation import clock
from reconciliation.connect import TRUTH_BY_KIND, CannotConnect, connect, connect_native
from reconciliation.management.console import ProductCommand
from reconciliation.sources import FORMATS, STANDARD


class Command(ProductCommand):
    """Makes a source."""

    help = "Connect an outside system: make its source, and print the secret that signs, once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what a source is."""
        super().add_arguments(parser)
        parser.add_argument("slug", help="its name in the address: /ingest/SLUG/")
        parser.add_argument("--name", required=True, help="its name on pages")
        parser.add_argument(
            "--kind", choices=sorted(TRUTH_BY_KIND), help="what it is; a format of its own says so"
        )
        parser.add_argument(
            "--format",
            choices=sorted(FORMATS),
            default=STANDARD,
            help="how it signs and writes; with another than the default it posts in its own words",
        )
        parser.add_argument(
            "--secret-file",
            help="file with the secret that the system signs with, - for standard input; asked for"
            " unless given",
        )
        parser.add_argument("--team", required=True, help="slug of the team that owns it")
        parser.add_argument(
            "--truth-for",
            action="append",
            metavar="TYPE",
            help="event types it is believed for, such as order. (repeat it); by kind unless given",
        )
        parser.add_argument("--writeback-url", default="", help="where it takes corrections")

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Make it."""
        try:
            return _connected(options)
        except CannotConnect as refusal:
            raise CommandError(str(refusal)) from refusal

    def words(self, facts: Mapping[str, Any]) -> str:
        """Say where it posts to, and its secret, once."""
        if "secret" not in facts:
            return f"{facts['slug']} posts to {facts['address']}, in its own format."
        return (
            f"{facts['slug']} posts to {facts['address']}, signed with this secret:\n"
            f"{facts['secret']}\nIt is not shown again."
        )


def _connected(options: Mapping[str, Any]) -> dict[str, str]:
    """Connect as asked; gives what to say of it. Raises CannotConnect."""
    given: dict[str, Any] = {
        "slug": options["slug"],
        "name": options["name"],
        "team_slug": options["team"],
        "truth_for": options["truth_for"],
        "by": "service:connect_source",
        "at": clock.now(),
    }
    said = {"slug": options["slug"], "address": f"/ingest/{options['slug']}/"}
    spoken = FORMATS[options["format"]]
    if not spoken.is_secret_ours:
        _check_native(options)
        secret = _given_secret(options["secret_file"], of=spoken.label)
        connect_native(**given, format_name=spoken.name, secret=secret)
        return said
    if not options["kind"]:
        raise CannotConnect("Say its kind: --kind.")
    secret = connect(**given, kind=options["kind"], writeback_url=options["writeback_url"])
    return {**said, "secret": secret}


def _check_native(options: Mapping[str, Any]) -> None:
    if options["kind"] or options["writeback_url"]:
        raise CannotConnect(
            "A format of its own says its kind, and takes no corrections from here: leave out"
            " --kind and --writeback-url."
        )


def _given_secret(path: str | None, *, of: str) -> str:
    """Read the secret from where it is not seen: a file, standard input, or a hidden prompt."""
    try:
        if path is None:
            return getpass(f"The secret that {of} signs with: ")
        return sys.stdin.read() if path == "-" else Path(path).read_text()
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise CannotConnect(f"The secret cannot be read: {error}.") from error

"""`manage.py compare_export FILE --source NAME --since … --until …`: a full export, beside ours."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from reconciliation import clock, diff, validate
from reconciliation.management.answers import source_named
from reconciliation.management.console import ProductCommand, moment
from reconciliation.sources import canonical
from reconciliation.validate import Message


class Command(ProductCommand):
    """Compares a source's export with what it has told us; stores none of it."""

    help = (
        "Compare a full export of a source, CloudEvents one JSON object a line, with what it has"
        " told us of the time from --since to --until. Opens and clears what follows from it, as"
        " a scheduled comparison does."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("file", help="the export, NDJSON")
        parser.add_argument("--source", required=True, help="slug of the source")
        parser.add_argument("--since", required=True, type=moment, help="first moment of it")
        parser.add_argument("--until", required=True, type=moment, help="the moment after its last")
        parser.add_argument("--types", nargs="+", help="types that it holds (default: those in it)")

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Compare, and give how the two sides stand."""
        path = Path(options["file"])
        try:
            return self._compare(path, options)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error
        except diff.CannotCompare as refusal:
            raise CommandError(str(refusal)) from refusal

    def words(self, facts: Mapping[str, Any]) -> str:
        """Say how the two sides stand."""
        return (
            f"{facts['matched']:,} records agree, {facts['different']:,} differ,"
            f" {facts['only_here']:,} are only here, {facts['only_there']:,} only there;"
            f" {facts['unreadable']:,} could not be read. /comparisons/{facts['window']}/"
        )

    def _compare(self, path: Path, options: Mapping[str, Any]) -> dict[str, Any]:
        if options["until"] <= options["since"]:
            raise CommandError("--until must be later than --since.")
        held = {str(message.envelope.get("type")) for message in _messages(path)}
        types = options["types"] or sorted(held & set(canonical.REFERENCE_FIELDS))
        window = diff.compare_with(
            source=source_named(options["source"]),
            messages=_messages(path),
            since=options["since"],
            until=options["until"],
            types=types,
            at=clock.now(),
        )
        names = ("matched", "different", "only_here", "only_there", "unreadable", "totals")
        return {"window": window.pk, **{name: getattr(window, name) for name in names}}


def _messages(path: Path) -> Iterator[Message]:
    with path.open("rb") as file:
        for line in file:
            if raw := line.strip(b"\r\n \t"):
                yield validate.structured(raw)

"""`manage.py import_csv FILE --source NAME --mapping M.json`: rows as events."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from reconciliation import clock, imports, validate
from reconciliation.imports import Item
from reconciliation.management.answers import ImportCommand, source_named
from reconciliation.sources import csv_rows
from reconciliation.sources.csv_rows import BadFile, BadMapping


class Command(ImportCommand):
    """Imports what a CSV file says, by a mapping."""

    help = (
        "Import FILE, a CSV file with a header, as events: the mapping says which events a row"
        " makes. The same file again changes nothing. Rows that make no valid event are kept and"
        " listed by row and column; only a file or mapping that cannot be used is a failure."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the mapping, too."""
        super().add_arguments(parser)
        parser.add_argument("--mapping", required=True, help="the mapping, a JSON file")

    def take(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Import row by row; the whole file is read once before anything is stored."""
        source, path = source_named(options["source"]), Path(options["file"])
        try:
            mapping = csv_rows.read_mapping(Path(options["mapping"]))
            job = imports.begin(
                source=source,
                title=f"Import {path.name} for {source.name}"[:255],
                total=csv_rows.count(path, mapping),
                parameters={"file": path.name, "mapping": Path(options["mapping"]).name},
                at=clock.now(),
            )
            items = (_item(event) for event in csv_rows.events(path, mapping))
            return imports.run(job=job, source=source, items=items, now=clock.now)
        except (BadFile, BadMapping) as refusal:
            raise CommandError(str(refusal)) from refusal


def _item(event: csv_rows.Event) -> Item:
    message = validate.said(event.envelope)
    if event.problems or message.problems:
        message = validate.refused(message, event.explained(message.problems))
    return Item(f"row {event.row}", message)

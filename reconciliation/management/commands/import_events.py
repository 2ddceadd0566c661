"""`manage.py import_events FILE --source NAME`: CloudEvents, one JSON object a line."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from reconciliation import clock, imports, validate
from reconciliation.imports import Item
from reconciliation.management.answers import ImportCommand, source_named


class Command(ImportCommand):
    """Imports events as they would be posted, without a signature."""

    help = (
        "Import CloudEvents from FILE, one JSON object a line (NDJSON), as if the source had"
        " posted them. The same file again changes nothing. What cannot be read is kept and"
        " listed; only a file that cannot be read at all is a failure."
    )

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Import line by line."""
        source, path = source_named(options["source"]), Path(options["file"])
        try:
            total = sum(1 for _ in _lines(path))
            job = imports.begin(
                source=source,
                title=f"Import {path.name} for {source.name}"[:255],
                total=total,
                parameters={"file": path.name},
                at=clock.now(),
            )
            items = (
                Item(f"line {number}", validate.structured(raw)) for number, raw in _lines(path)
            )
            return imports.run(job=job, source=source, items=items, now=clock.now)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Give the lines that are not blank, numbered as an editor numbers them."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if raw := line.strip(b"\r\n \t"):
                yield number, raw

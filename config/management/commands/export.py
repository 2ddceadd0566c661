"""`manage.py export orders|discrepancies|cases|audit`: results as JSON lines or CSV."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from audit import queries as trail
from exceptions.export import cases
from reconciliation.export import as_csv, as_json_lines, discrepancies, orders
from reconciliation.management.console import ProductCommand


def _audit() -> Iterator[dict[str, Any]]:
    """Stream the trail, newest first: each row's body as it was sealed, and its id."""
    for row in trail.everything(filters=trail.Filters()):
        yield {"id": row.pk, **json.loads(bytes(row.body))}


_ROWS: Mapping[str, Callable[[], Iterator[dict[str, Any]]]] = {
    "orders": orders,
    "discrepancies": discrepancies,
    "cases": cases,
    "audit": _audit,
}
_FORMATS = {"jsonl": as_json_lines, "csv": as_csv}


class Command(ProductCommand):
    """Writes all rows of one kind, however many there are."""

    help = (
        "Write all orders, discrepancies, cases or rows of the audit trail, as JSON lines or CSV."
        " Amounts are in minor units. With --json the answer says how many rows were written;"
        " that needs --output."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what, how and where to."""
        super().add_arguments(parser)
        parser.add_argument("what", choices=sorted(_ROWS))
        parser.add_argument("--format", choices=sorted(_FORMATS), default="jsonl")
        parser.add_argument("--output", metavar="FILE", help="write here instead of to the screen")

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Write the rows."""
        if options["json"] and not options["output"]:
            raise CommandError("--json needs --output: the rows would mix with the answer.")
        lines = _FORMATS[options["format"]](_ROWS[options["what"]]())
        if not options["output"]:
            for line in lines:
                self.stdout.write(line, ending="")
            return {}
        try:
            with Path(options["output"]).open("w", encoding="utf-8", newline="") as file:
                count = sum(1 for line in lines if file.write(line))
        except OSError as failure:
            raise CommandError(f"Cannot write {options['output']}: {failure.strerror}") from failure
        return {"what": options["what"], "rows": count, "output": options["output"]}

    def words(self, facts: Mapping[str, Any]) -> str:
        """Say how much was written where; nothing after the rows themselves."""
        return f"{facts['rows']:,} rows written to {facts['output']}" if facts else ""

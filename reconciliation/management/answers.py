"""What the commands of the front door share: how they answer, in words or as JSON."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from reconciliation.management.console import ProductCommand
from reconciliation.models import Source


def source_named(slug: str) -> Source:
    """Find a source by its slug; without it nothing can be imported."""
    found = Source.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Source.objects.order_by("slug").values_list("slug", flat=True))
        raise CommandError(
            f"There is no source {slug!r}; there are: {known or 'none'}."
            " Make one with `manage.py connect_source`."
        )
    return found


class ImportCommand(ProductCommand):
    """Imports one file for one source, and says what became of every message in it."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what every import takes."""
        super().add_arguments(parser)
        parser.add_argument("file", help="the file to read")
        parser.add_argument("--source", required=True, help="slug of the source that says it")

    def words(self, facts: Mapping[str, Any]) -> str:
        """Say what became of every message."""
        said = (
            f"{facts['total']:,} events of {facts['source']}: {facts['new']:,} new,"
            f" {facts['seen']:,} seen before, {facts['conflict']:,} with a known id and another"
            f" body, {facts['rejected']:,} rejected. Job {facts['job']}."
        )
        wrong = [
            f"  {error['place']}: {error['pointer']} {error['detail']}".rstrip()
            for error in facts["errors"]
        ]
        return "\n".join([said, *wrong])

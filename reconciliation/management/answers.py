"""What the commands of the front door share: how they answer, in words or as JSON."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

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


class ImportCommand(BaseCommand):
    """Imports one file for one source, and says what became of every message in it."""

    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what every import takes."""
        parser.add_argument("file", help="the file to read")
        parser.add_argument("--source", required=True, help="slug of the source that says it")
        parser.add_argument("--json", action="store_true", help="answer with one JSON object")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401 - as Django has it
        """Import, then answer."""
        try:
            facts = self.take(options)
        except CommandError as failure:
            if options["json"]:
                self.stdout.write(json.dumps({"error": str(failure)}))
            raise
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        self.stdout.write(
            f"{facts['total']:,} events of {facts['source']}: {facts['new']:,} new,"
            f" {facts['seen']:,} seen before, {facts['conflict']:,} with a known id and another"
            f" body, {facts['rejected']:,} rejected. Job {facts['job']}."
        )
        for error in facts["errors"]:
            self.stdout.write(f"  {error['place']}: {error['pointer']} {error['detail']}".rstrip())

    def take(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Import the file, and give the job's result."""
        raise NotImplementedError

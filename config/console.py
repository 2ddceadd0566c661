"""What the product's own commands share: an answer in words or, with --json, for programs."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from django.utils.dateparse import parse_datetime


class ProductCommand(BaseCommand):
    """A command whose answer is one sentence or one JSON object, and whose failure is an exit code.

    Subclasses write `act`, which gives the answer's facts; `words` turns them into text.
    """

    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --json."""
        parser.add_argument("--json", action="store_true", help="answer with one JSON object")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401 - as Django has it
        """Act, then answer."""
        try:
            facts = self._act(options)
        except CommandError as failure:
            if options["json"]:
                self.stdout.write(json.dumps({"error": str(failure)}))
            raise
        answer = json.dumps(facts, default=str) if options["json"] else self.words(facts)
        if answer:
            self.stdout.write(answer)

    def _act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self.act(options)
        except OperationalError as failure:
            raise CommandError(f"The database does not answer as it should: {failure}") from failure

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Do it, and give the facts of the answer."""
        raise NotImplementedError

    def words(self, facts: Mapping[str, Any]) -> str:
        """Put the facts into words."""
        return "\n".join(f"{name}: {value}" for name, value in facts.items())


def moment(text: str) -> datetime:
    """Read a moment such as 2026-03-02T09:00:00Z; argparse shows the message of the refusal."""
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise CommandError(f"{text} is no moment with a time zone, such as 2026-03-02T09:00:00Z.")
    return found

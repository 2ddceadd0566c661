"""What the product's own commands share: an answer in words or, with --json, for programs."""

import json
from abc import ABC, abstractmethod
from argparse import ArgumentTypeError
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError


class ProductCommand(BaseCommand, ABC):
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

    @abstractmethod
    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Do it, and give the facts of the answer."""

    def words(self, facts: Mapping[str, Any]) -> str:
        """Put the facts into words."""
        return "\n".join(f"{name}: {value}" for name, value in facts.items())


def moment(text: str) -> datetime:
    """Read a moment of ISO 8601; one without a zone is in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is no moment; write 2026-11-02T12:00Z") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)

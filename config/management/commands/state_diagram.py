"""`manage.py state_diagram` draws the state machines into the README; `--check` only compares."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from config.states import DRAWN, missing_markers, redrawn
from reconciliation.management.console import ProductCommand


class Command(ProductCommand):
    """Draws the state machines between their markers in a file."""

    help = "Draw Order, Case, RulebookVersion and WriteBack between <!-- states:NAME --> markers."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, and whether to change it."""
        super().add_arguments(parser)
        parser.add_argument("--check", action="store_true", help="fail if a drawing is not current")
        parser.add_argument(
            "--file",
            type=Path,
            default=settings.BASE_DIR / "README.md",
            help="where they are drawn, instead of in the README",
        )

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Draw, or compare."""
        file: Path = options["file"]
        text = file.read_text() if file.exists() else ""
        if options["check"]:
            _compare(text, name=file.name)
        else:
            file.write_text(redrawn(text))
        return {"file": str(file), "machines": [model.__name__ for model in DRAWN]}

    def words(self, facts: Mapping[str, Any]) -> str:
        """Say what is drawn where."""
        return f"{facts['file']} draws {', '.join(facts['machines'])} as the code declares them."


def _compare(text: str, *, name: str) -> None:
    if missing := missing_markers(text):
        raise CommandError(f"{name} has no place for: {', '.join(missing)}.")
    if redrawn(text) != text:
        raise CommandError(f"{name} is not current: run manage.py state_diagram.")

"""`manage.py sweep`: the whole pipeline at once, here and now, without workers."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from config.pipeline import sweep
from reconciliation import clock
from reconciliation.management.console import ProductCommand, moment


class Command(ProductCommand):
    """Runs every stage until none finds work."""

    help = "Run every stage of the pipeline in turn until none finds work; needs no broker."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the moment to speak of."""
        super().add_arguments(parser)
        parser.add_argument(
            "--at", metavar="MOMENT", type=moment, help="decide as of this moment instead of now"
        )

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Sweep."""
        at = options["at"]
        return {"done": sweep(at=(lambda: at) if at else clock.now)}

    def words(self, facts: Mapping[str, Any]) -> str:
        """Say how much each stage did."""
        return "\n".join(f"{stage:<10} {count:>8,}" for stage, count in facts["done"].items())

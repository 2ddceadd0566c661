"""Judges orders from the command line."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from reconciliation import clock, reconcile, rulebook
from reconciliation.management.console import ProductCommand, moment
from reconciliation.models import Run
from reconciliation.reconcile import Counts


class Command(ProductCommand):
    """Runs the live rulebook's checks over orders that are due, or over all."""

    help = (
        "Judge the orders that are due by the live rulebook, and say what was found. Windows are"
        " decided as of --at; records carry the true time beside it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--at", type=moment, help="moment to decide windows by (default: now)")
        parser.add_argument("--all", action="store_true", help="judge every order, due or not")

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Judge, and give the counts."""
        at = options["at"] or clock.now()
        try:
            counts = reconcile.judge_all(at=at) if options["all"] else _all_due(at)
        except rulebook.NoRulebook as problem:
            raise CommandError(str(problem)) from problem
        return {"at": at.isoformat(), **asdict(counts)}

    def words(self, facts: Mapping[str, Any]) -> str:
        """Say what was found."""
        return (
            f"{facts['judged']:,} orders judged: {facts['holds']:,} agree, {facts['waiting']:,}"
            f" are not due yet, {facts['broken']:,} disagree.\n"
            f"{facts['opened']:,} discrepancies opened, {facts['cleared']:,} cleared."
        )


def _all_due(at: datetime) -> Counts:
    """Judge until nothing is due, and add up what the passes noted."""
    newest = Run.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    while reconcile.take(limit=reconcile.BATCH, at=at):
        pass
    total = Counts()
    for run in Run.objects.filter(pk__gt=newest, scope="due", at=at):
        total += Counts(**{name: getattr(run, name) for name in asdict(total)})
    return total

"""Judges orders from the command line."""

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reconciliation import clock, reconcile, rulebook
from reconciliation.models import Run
from reconciliation.reconcile import Counts

_BATCH = 5_000


def moment(text: str) -> datetime:
    """Read a moment of ISO 8601; one without a zone is in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no moment; write 2026-11-02T12:00Z") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Command(BaseCommand):
    """Runs the live rulebook's checks over orders that are due, or over all."""

    help = (
        "Judge the orders that are due by the live rulebook, and say what was found. Windows are"
        " decided as of --at; records carry the true time beside it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--at", type=moment, help="moment to decide windows by (default: now)")
        parser.add_argument("--all", action="store_true", help="judge every order, due or not")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: object, **options: object) -> None:
        """Judge, and print the counts."""
        at = options["at"] or clock.now()
        assert isinstance(at, datetime)
        try:
            counts = reconcile.judge_all(at=at) if options["all"] else _all_due(at)
        except rulebook.NoRulebook as problem:
            if options["json"]:
                self.stdout.write(json.dumps({"error": str(problem)}))
            raise CommandError(str(problem)) from problem
        if options["json"]:
            self.stdout.write(json.dumps({"at": at.isoformat(), **asdict(counts)}))
            return
        self.stdout.write(
            f"{counts.judged:,} orders judged: {counts.holds:,} agree, {counts.waiting:,} are not"
            f" due yet, {counts.broken:,} disagree."
        )
        self.stdout.write(f"{counts.opened:,} discrepancies opened, {counts.cleared:,} cleared.")


def _all_due(at: datetime) -> Counts:
    """Judge until nothing is due, and add up what the passes noted."""
    newest = Run.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    while reconcile.take(limit=_BATCH, at=at):
        pass
    total = Counts()
    for run in Run.objects.filter(pk__gt=newest, scope="due", at=at):
        total += Counts(**{name: getattr(run, name) for name in asdict(total)})
    return total

"""`manage.py verify_audit`: checks the whole trail, and says so by its exit code."""

import json
import time
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from audit import anchor, queries
from audit.keys import verifiers
from audit.verify import Report, verify

SHOWN = 10


def check_stored(*, using: str = "default") -> Report:
    """Check the trail of a database against its seals and their copies outside.

    Reads the copies first, then the checkpoints, then the rows: sealing may go on meanwhile.
    """
    with transaction.atomic(using=using):
        anchored = anchor.anchored_notes()
        checkpoints = queries.checkpoints(using=using)
        size = max((sealed.size for sealed in checkpoints), default=0)
        return verify(
            rows=queries.stored_rows(size=size, using=using),
            checkpoints=checkpoints,
            anchored=anchored,
            verifiers=verifiers(),
        )


class Command(BaseCommand):
    """Recomputes every hash, root and signature of the audit trail from the stored bytes."""

    help = (
        "Check the whole audit trail from its stored bytes: every row, its place in the tree, its "
        "sequence, every signed root, and the copies kept outside. Names the first bad row. "
        "Exits with 1 if anything is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the form of the answer."""
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_args: object, **options: object) -> None:
        """Check and say."""
        begun = time.monotonic()
        report = check_stored()
        seconds = round(time.monotonic() - begun, 2)
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(report, seconds)))
        else:
            self._say(report, seconds)
        if not report.holds:
            raise SystemExit(1)

    def _say(self, report: Report, seconds: float) -> None:
        self.stdout.write(
            f"{report.rows:,} rows, {report.sealed:,} of them sealed under "
            f"{report.checkpoints:,} checkpoints, {report.anchored:,} kept outside. "
            f"Checked in {seconds} s."
        )
        if report.holds:
            self.stdout.write(f"Everything holds. Root {report.root}")
            return
        for problem in report.problems[:SHOWN]:
            where = f"Row {problem.row} ({problem.subject}): " if problem.row is not None else ""
            self.stdout.write(f"{where}{problem.what}")
        if len(report.problems) > SHOWN:
            self.stdout.write(f"… and {len(report.problems) - SHOWN} more, see --json.")


def _as_json(report: Report, seconds: float) -> dict[str, Any]:
    return {
        "holds": report.holds,
        "first_bad": report.first_bad._asdict() if report.first_bad else None,
        "seconds": seconds,
        **{name: value for name, value in asdict(report).items() if name != "problems"},
        "problems": [problem._asdict() for problem in report.problems],
    }

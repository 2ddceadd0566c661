"""`manage.py selfcheck`: whether this installation works, said by its exit code."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.management.base import CommandError

from config.scratch import NoScratch
from config.selfcheck import selfcheck
from reconciliation.management.console import ProductCommand


class Command(ProductCommand):
    """Tells the stories to a scratch database, and what came of each step."""

    help = (
        "Run the stories that exist through the front door and the real pipeline, in a scratch "
        "database that the owner role makes and drops. Uses no network. Exits with 1 if any "
        "step fails."
    )

    def handle(self, *args: object, **options: Any) -> None:  # noqa: ANN401 - as Django has it
        """Answer, and fail where a step failed."""
        self.has_failed = False
        super().handle(*args, **options)
        if self.has_failed:
            sys.exit(1)

    def act(self, _options: Mapping[str, Any]) -> dict[str, Any]:
        """Check."""
        try:
            facts = selfcheck()
        except NoScratch as refusal:
            raise CommandError(str(refusal)) from refusal
        self.has_failed = not facts["passed"]
        return facts

    def words(self, facts: Mapping[str, Any]) -> str:
        """Show each story with its steps."""
        return "\n".join(_lines(facts))


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    for story in facts["stories"]:
        yield f"{'passed' if story['passed'] else 'FAILED'}  {story['story']}"
        for step in story["steps"]:
            yield f"    {'passed' if step['passed'] else 'FAILED'}  {step['step']}"
            if step["reason"]:
                yield f"            {step['reason']}"
    verdict = "Everything works." if facts["passed"] else "Something does not work."
    yield f"{verdict} It took {facts['seconds']} s."

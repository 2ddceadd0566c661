"""Compares what the product found in the demo company with the company's own record."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.demo.telling import Expected
from reconciliation.models import Discrepancy

# A finding may come with the step after its window ends; until then both answers are right.
SETTLES_IN = timedelta(hours=6)

Finding = tuple[str, str]  # the order as its systems name it, and the check


@dataclass(frozen=True)
class Comparison:
    """What should have been found and was not, and the other way round."""

    expected: int
    found: int
    missing: list[Expected]
    unexpected: list[Finding]
    by_check: dict[str, int]

    @property
    def is_equal(self) -> bool:
        """Tell whether the product found all there is, and nothing else."""
        return not self.missing and not self.unexpected

    def as_json(self) -> dict[str, Any]:
        """Give it in plain values."""
        return {
            "equal": self.is_equal,
            "expected": self.expected,
            "found": self.found,
            "by_check": self.by_check,
            "missing": [one._asdict() | {"due_at": one.due_at.isoformat()} for one in self.missing],
            "unexpected": [{"order": order, "check": check} for order, check in self.unexpected],
        }


def compare(
    *, expected: Iterable[Expected], found: Collection[Finding], at: datetime
) -> Comparison:
    """Hold findings against what should be found by `at`."""
    known = {(one.order, one.check): one for one in expected}
    due = {key: one for key, one in known.items() if one.due_at + SETTLES_IN <= at}
    return Comparison(
        expected=len(due),
        found=len(found),
        missing=[one for key, one in sorted(due.items()) if key not in found],
        unexpected=sorted(key for key in found if key not in known),
        by_check=dict(sorted(Counter(check for _, check in found).items())),
    )


def findings() -> set[Finding]:
    """Read everything that was ever found, cleared since or not."""
    return set(_named())


def _named() -> Iterator[Finding]:
    rows = Discrepancy.objects.select_related("order", "event", "rejection", "writeback__order")
    for one in rows.iterator(chunk_size=2000):
        if one.order:
            yield one.order.canonical_id, one.check_name
        elif one.event:
            yield one.event.order_reference, one.check_name
        elif one.rejection:
            yield _order_in(bytes(one.rejection.raw)), one.check_name
        elif one.writeback:
            yield one.writeback.order.canonical_id, one.check_name


def _order_in(raw: bytes) -> str:
    """Read the order's name out of bytes that are no event, as far as they can be read."""
    try:
        return str(json.loads(raw)["data"]["order"])
    except (ValueError, KeyError, TypeError):
        return ""

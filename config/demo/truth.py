"""The company's own record of what it did wrong: one JSON object a line."""

import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from config.demo.telling import Expected


def add(path: Path, expected: Iterable[Expected]) -> None:
    """Add to the record; in one write, so that a kill leaves whole lines.

    What is told again after a kill is added again: readers take the lines as a set.
    """
    lines = "".join(
        json.dumps(one._asdict() | {"due_at": one.due_at.isoformat()}) + "\n" for one in expected
    )
    if lines:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, lines.encode())
        finally:
            os.close(file)


def read(path: Path) -> list[Expected]:
    """Read the record, each expectation once."""
    known: dict[tuple[str, str], Expected] = {}
    for line in path.read_text().splitlines():
        row = json.loads(line)
        one = Expected(**row | {"due_at": datetime.fromisoformat(row["due_at"])})
        known.setdefault((one.order, one.check), one)
    return list(known.values())

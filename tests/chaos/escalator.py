"""An escalating loop in a process of its own, until it is killed or left behind."""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.soak.hands import connect

from exceptions import escalate  # isort: skip - only after Django is set up by `hands`


def run(database: Mapping[str, Any], at: datetime) -> None:
    """Escalate what is due, two cases at a time."""
    parent = os.getppid()
    connect(database)
    while os.getppid() == parent:
        escalate.take(limit=2, at=at)

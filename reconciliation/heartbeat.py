"""Signs of life of processes and loops, by the database's own clock."""

import json
from typing import Any

from django.db import connection

_BEAT = """
INSERT INTO reconciliation_heartbeat (component, at, details)
VALUES (%s, clock_timestamp(), %s)
ON CONFLICT (component) DO UPDATE SET at = excluded.at, details = excluded.details
"""


def beat(*, component: str, details: dict[str, Any] | None = None) -> None:
    """Write down that `component` lives; simulated time does not touch this."""
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, [component, json.dumps(details or {})])

"""The one clock: the database's, or the simulated one while a demo's past is driven."""

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """Read the clock, in UTC. Only views, tasks and commands call this; all else takes `at`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COALESCE((SELECT simulated_now FROM reconciliation_installation),"
            " clock_timestamp())"
        )
        (moment,) = cursor.fetchone()
    assert isinstance(moment, datetime)
    return moment


def is_simulated() -> bool:
    """Tell whether a demo's past is being driven."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS ("
            "SELECT FROM reconciliation_installation WHERE simulated_now IS NOT NULL)"
        )
        (answer,) = cursor.fetchone()
    return bool(answer)

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

"""Does the same to many rows, each for itself: one that fails holds up none of the others.

What fails stays due and is tried again; until then it is kept here for people to see.
"""

from collections.abc import Callable, Collection
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.db.models import QuerySet

from reconciliation.models import Stumble

# The database is away, or two workers met: nothing is wrong with the row.
PASSING = (OperationalError, InterfaceError)
_log = structlog.get_logger(__name__)


def do(*, stage: str, ids: Collection[int], each: Callable[[int], bool | int]) -> int:
    """Do `each` row in its own transaction; says how much was done.

    Raises only what is wrong with no row: then the rest comes again.
    """
    stumbled, done = stuck(stage=stage) if ids else set(), 0
    for row_id in ids:
        try:
            done += each(row_id)
        except PASSING:
            raise
        except Exception as failure:  # noqa: BLE001 - whatever it is, the others go on
            _log.exception("stage.stumbled", stage=stage, row=row_id)
            _keep(stage, row_id, f"{type(failure).__name__}: {failure}")
        else:
            if row_id in stumbled:
                Stumble.objects.filter(stage=stage, row_id=row_id).delete()
    return done


def line_up(due: QuerySet[Any], *, stage: str, limit: int) -> list[int]:
    """Give the keys of up to `limit` rows that are due; those that failed last wait behind."""
    first = list(due.values_list("pk", flat=True)[:limit])
    if len(first) < limit:  # all are in it
        return first
    sound, failed = part(due, stage=stage, limit=limit)
    return [*sound, *failed]


def part(due: QuerySet[Any], *, stage: str, limit: int) -> tuple[list[int], list[int]]:
    """Give the keys of up to `limit` rows that are due: the sound, and those that failed last."""
    keys = due.values_list("pk", flat=True)
    failed = stuck(stage=stage)
    sound = list(keys.exclude(pk__in=failed)[:limit])
    return sound, list(keys.filter(pk__in=failed)[: limit - len(sound)]) if failed else []


def stuck(*, stage: str) -> set[int]:
    """Give the rows that failed when they were tried last."""
    return set(Stumble.objects.filter(stage=stage).values_list("row_id", flat=True))


def _keep(stage: str, row_id: int, error: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO reconciliation_stumble AS known (
                stage, row_id, error, since, last_at, times
            )
            VALUES (%s, %s, %s, clock_timestamp(), clock_timestamp(), 1)
            ON CONFLICT (stage, row_id) DO UPDATE
            SET error = excluded.error, last_at = excluded.last_at, times = known.times + 1
            """,
            [stage, row_id, error.replace("\x00", "")],
        )

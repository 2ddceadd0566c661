"""Ties outside ids to orders: finds the order an event means, and remembers what it is called."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import connection

from reconciliation.models import Alias
from reconciliation.normalise import NAMING, Name
from reconciliation.sql import array, load

# Two batches of events: who wakes more is long about it, and loses all of it when it is killed.
_WOKEN_AT_ONCE = 10_000


class Asker(NamedTuple):
    """One who names an order: any number of his own, his source, and the names by rank."""

    key: int
    source_id: int
    names: tuple[Name, ...]


class Lesson(NamedTuple):
    """One outside id that means one order."""

    source_id: int
    name: Name
    order_id: int
    event_id: int


def find_orders(askers: Iterable[Asker]) -> dict[int, int]:
    """Give the order of each asker that is understood, by the asker's key."""
    rows = [
        (asker.key, asker.source_id, name.kind, name.value, rank)
        for asker in askers
        for rank, name in enumerate(asker.names)
    ]
    if not rows:
        return {}
    columns = map(array, zip(*rows, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            load("resolve_names"),
            dict(zip(("keys", "source_ids", "kinds", "given", "ranks"), columns, strict=True)),
        )
        return dict(cursor.fetchall())


def find_canonical(canonical_ids: Sequence[str]) -> dict[str, int]:
    """Give the orders that we ourselves call so, or that those have become."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT canonical_id, COALESCE(merged_into_id, id) FROM reconciliation_order"
            " WHERE canonical_id = ANY(%s::text[])",
            [array(canonical_ids)],
        )
        return dict(cursor.fetchall())


def named_by(pairs: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Give those pairs of a source and an order where the source has a name for the order."""
    asked = set(pairs)
    known = Alias.objects.filter(
        kind="order",
        source_id__in={source_id for source_id, _ in asked},
        order_id__in={order_id for _, order_id in asked},
    )
    return asked & {
        (source_id or 0, order_id)
        for source_id, order_id in known.values_list("source_id", "order_id")
    }


def teach(lessons: Sequence[Lesson]) -> None:
    """Remember what each source calls an order; the first meaning of a name stays."""
    if not lessons:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO reconciliation_alias (source_id, kind, value, order_id, event_id)
            SELECT * FROM unnest(
                %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[]
            )
            ORDER BY 1, 2, 3
            ON CONFLICT (source_id, kind, value) DO NOTHING
            """,
            [
                array(lesson.source_id for lesson in lessons),
                array(lesson.name.kind for lesson in lessons),
                array(lesson.name.value for lesson in lessons),
                array(lesson.order_id for lesson in lessons),
                array(lesson.event_id for lesson in lessons),
            ],
        )


def wake_parked() -> int:
    """Take up parked events whose order is known by now, whoever missed them; says how many."""
    return _wake(scope="parked.status = 'PARKED'", given={})


def wake_parked_for(
    *, event_ids: Sequence[int], order_ids: Iterable[int], new_ids: Sequence[int]
) -> int:
    """Take up what waited for the names that these events have taught; says how many."""
    given = {
        "event_ids": array(event_ids), "order_ids": array(order_ids), "new_ids": array(new_ids),
    }  # fmt: skip
    return _wake(scope=load("wake_scope"), given=given)


def _wake(*, scope: str, given: dict[str, str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            load("wake_parked").format(scope=scope),
            {"naming": list(NAMING), "limit": _WOKEN_AT_ONCE, **given},
        )
        return int(cursor.rowcount)

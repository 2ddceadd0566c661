"""Reads the trail: for a page, for a timeline, for the check of everything."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, connections
from django.db.models import Q, QuerySet

from audit.models import Anchor, AuditEvent, Checkpoint
from audit.verify import Row, Sealed

_MOMENT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'

# Every leaf under the newest checkpoint beside its row, then the rows that have no leaf yet.
#
# params: size bigint   leaves under the newest checkpoint
# gives:  the fields of verify.Row; one row a leaf or unsealed audit row
_ROWS = f"""
SELECT
    leaves.position, leaves.event_id, leaves.leaf_hash,
    events.id, events.transaction_id::text::bigint,
    events.stream, events.subject_id, events.sequence, events.action, events.actor,
    to_char(events.at AT TIME ZONE 'UTC', '{_MOMENT}'),
    to_char(events.recorded_at AT TIME ZONE 'UTC', '{_MOMENT}'),
    events.from_state, events.to_state, events.reason,
    events.cause_event_id, events.rulebook_version, events.body
FROM
    (SELECT * FROM audit_sealleaf AS sealed WHERE sealed.position < %(size)s) AS leaves
    FULL JOIN audit_auditevent AS events ON events.id = leaves.event_id
ORDER BY leaves.position NULLS LAST, events.transaction_id, events.id
"""  # noqa: S608 - a constant of this module

# How old the oldest row without a leaf is, and how many there are; counts up to `limit`.
_TAIL = """
WITH newest AS (
    SELECT events.transaction_id, events.id
    FROM audit_sealleaf AS leaves
    JOIN audit_auditevent AS events ON events.id = leaves.event_id
    ORDER BY leaves.position DESC
    LIMIT 1
)
SELECT count(*), min(tail.recorded_at)
FROM (
    SELECT events.recorded_at
    FROM audit_auditevent AS events
    WHERE (events.transaction_id, events.id) > (
        COALESCE((SELECT newest.transaction_id FROM newest), '0'::xid8),
        COALESCE((SELECT newest.id FROM newest), 0)
    )
    ORDER BY events.transaction_id, events.id
    LIMIT %(limit)s
) AS tail
"""


@dataclass(frozen=True)
class Filters:
    """What to look for; empty means anything. `since` and `until` are true moments, half open."""

    stream: str = ""
    subject_id: int | None = None
    actor: str = ""
    action: str = ""  # an action, or the beginning of several, such as "case."
    since: datetime | None = None
    until: datetime | None = None

    def condition(self) -> Q:
        """Put the filters into a condition over the trail's rows."""
        wanted = {
            "stream": self.stream,
            "subject_id": self.subject_id,
            "actor": self.actor,
            "action__startswith": self.action,
            "at__gte": self.since,
            "at__lt": self.until,
        }
        return Q(**{name: value for name, value in wanted.items() if value not in ("", None)})


@dataclass(frozen=True)
class Slice:
    """Some rows, newest first, and whether there are more on either side."""

    rows: list[AuditEvent]
    has_newer: bool
    has_older: bool


@dataclass(frozen=True)
class SealState:
    """How far the proof of the trail has come."""

    sealed: int
    sealed_at: datetime | None
    waiting: int  # rows without a seal
    waiting_for: timedelta  # the oldest of them
    anchored: int  # rows that the newest copy outside covers
    anchored_at: datetime | None


def trail(*, stream: str, subject_id: int) -> QuerySet[AuditEvent]:
    """Give everything that was recorded of one subject, oldest first."""
    found = AuditEvent.objects.filter(stream=stream, subject_id=subject_id)
    return found.order_by("sequence")


def search(
    *,
    filters: Filters,
    older_than: int | None = None,
    newer_than: int | None = None,
    limit: int = 50,
) -> Slice:
    """Find rows newest first, from the newest, or on either side of the row with this id.

    Raises AuditEvent.DoesNotExist if there is no such row.
    """
    found = AuditEvent.objects.filter(filters.condition())
    if newer_than is not None:
        upwards = list(found.filter(_beside(newer_than, "gt")).order_by("at", "id")[: limit + 1])
        return Slice(upwards[:limit][::-1], has_newer=len(upwards) > limit, has_older=True)
    if older_than is not None:
        found = found.filter(_beside(older_than, "lt"))
    rows = list(found.order_by("-at", "-id")[: limit + 1])
    return Slice(rows[:limit], has_newer=older_than is not None, has_older=len(rows) > limit)


def everything(*, filters: Filters) -> Iterator[AuditEvent]:
    """Stream all rows that match, newest first, bodies included."""
    found = AuditEvent.objects.filter(filters.condition()).order_by("-at", "-id")
    return found.iterator(chunk_size=2_000)


def checkpoints(*, using: str = "default") -> list[Sealed]:
    """Read every checkpoint as stored, smallest first."""
    return [
        Sealed(
            size=kept.size,
            root=bytes(kept.root),
            frontier=bytes(kept.frontier),
            at=kept.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            note=kept.note,
        )
        for kept in Checkpoint.objects.using(using).order_by("size").iterator()
    ]


def stored_rows(*, size: int, using: str = "default") -> Iterator[Row]:
    """Stream the whole trail as it is stored, in sealed order, for `verify`.

    `size` is that of the newest checkpoint read before: leaves beyond it came meanwhile.
    """
    with connections[using].chunked_cursor() as cursor:
        cursor.execute(_ROWS, {"size": size})
        while rows := cursor.fetchmany(5_000):
            yield from map(Row._make, rows)


def unsealed(*, at: datetime, limit: int = 10_000) -> tuple[int, timedelta]:
    """Say how many rows wait for a seal, up to `limit`, and how long the oldest has by `at`."""
    with connection.cursor() as cursor:
        cursor.execute(_TAIL, {"limit": limit})
        rows, oldest = cursor.fetchone()
    return rows, max(at - oldest, timedelta()) if oldest else timedelta()


def seal_state(*, at: datetime) -> SealState:
    """Say how far the proof has come, by `at`, a true moment."""
    newest = Checkpoint.objects.order_by("-size").first()
    anchored = Anchor.objects.order_by("-pk").select_related("checkpoint").first()
    waiting, age = unsealed(at=at)
    return SealState(
        sealed=newest.size if newest else 0,
        sealed_at=newest.at if newest else None,
        waiting=waiting,
        waiting_for=age,
        anchored=anchored.checkpoint.size if anchored else 0,
        anchored_at=anchored.at if anchored else None,
    )


def _beside(row_id: int, side: str) -> Q:
    """Find the rows on one side of a row, in the order (at, id)."""
    at = AuditEvent.objects.values_list("at", flat=True).get(pk=row_id)
    return Q(**{f"at__{side}": at}) | Q(at=at, **{f"id__{side}": row_id})

"""Seals the trail: puts finished rows into the Merkle tree and signs its root."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from audit import anchor, checkpoint
from audit.keys import signing_key
from audit.merkle import Tree
from audit.models import AuditEvent, Checkpoint, SealLeaf
from audit.note import sign

# One sealer at a time, whichever process it is: any number that nothing else here locks.
_LOCK = 7_315_204_881

# The rows that nobody can come before any more, in their final order, become leaves. Rows of
# transactions that are still running are left for the next time; a cursor on `id` alone would
# pass over rows that commit late.
#
# params: transaction_id xid8, id bigint   the last row sealed
#         size            bigint           leaves in the tree so far
#         limit           integer          most rows to take
# gives:  stream, leaf_hash; one row a leaf, in order
_SEAL = """
WITH due AS MATERIALIZED (
    SELECT
        events.id,
        events.stream,
        row_number() OVER (ORDER BY events.transaction_id, events.id) AS place,
        sha256(
            '\\x00'::bytea || int8send(events.id) || xid8send(events.transaction_id) || events.body
        ) AS leaf_hash
    FROM audit_auditevent AS events
    WHERE
        events.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
        AND (events.transaction_id, events.id) > (%(transaction_id)s::xid8, %(id)s::bigint)
    ORDER BY events.transaction_id, events.id
    LIMIT %(limit)s
),
added AS (
    INSERT INTO audit_sealleaf (position, event_id, leaf_hash)
    SELECT %(size)s + due.place - 1, due.id, due.leaf_hash
    FROM due
)
SELECT due.stream, due.leaf_hash
FROM due
ORDER BY due.place
"""


def take(*, limit: int, at: datetime) -> int:
    """Seal up to `limit` rows, sign the root, and copy the checkpoint out; says how many rows.

    Gives 0 at once when another process is sealing. `at`, which may be simulated, is not used:
    the checkpoint bears the database's own clock.
    """
    with transaction.atomic():
        if not _is_alone():
            return 0
        sealed = _seal(limit)
    with transaction.atomic():  # after the commit: what is anchored must exist
        if _is_alone():
            anchor.copy_due()
    return sealed


def _is_alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        (is_alone,) = cursor.fetchone()
    return bool(is_alone)


def _seal(limit: int) -> int:
    previous = Checkpoint.objects.order_by("-size").first()
    tree = Tree(previous.size, bytes(previous.frontier)) if previous else Tree()
    with connection.cursor() as cursor:
        cursor.execute(_SEAL, {**_last_sealed(), "size": tree.size, "limit": limit})
        leaves = cursor.fetchall()
        cursor.execute("SELECT clock_timestamp()")
        (at,) = cursor.fetchone()
    if not leaves:
        return 0
    tree.extend(bytes(leaf_hash) for _, leaf_hash in leaves)
    statement = checkpoint.Statement(
        origin=settings.AUDIT_ORIGIN,
        size=tree.size,
        root=tree.root,
        at=at,
        previous_root=bytes(previous.root) if previous else b"",
        streams=checkpoint.count(stream for stream, _ in leaves),
    )
    Checkpoint.objects.create(
        size=tree.size,
        root=tree.root,
        frontier=tree.frontier,
        at=at,
        note=sign(checkpoint.write(statement), name=settings.AUDIT_ORIGIN, key=signing_key()),
    )
    return len(leaves)


def _last_sealed() -> dict[str, Any]:
    last = SealLeaf.objects.order_by("-position").first()
    if last is None:
        return {"transaction_id": "0", "id": 0}
    row = AuditEvent.objects.values("transaction_id", "id").get(pk=last.event_id)
    return {"transaction_id": str(row["transaction_id"]), "id": row["id"]}

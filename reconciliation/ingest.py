"""Stores what sources say, each event once, and gives every message its verdict.

What cannot be read as an event is kept with its bytes and every reason. What a source has said
before is known by its identity: (our source row, CloudEvents `source`, `id`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.types.json import Jsonb

from reconciliation import discrepancies, sql
from reconciliation.models import Event, EventConflict, RejectedEvent, Source
from reconciliation.sources import canonical
from reconciliation.strict import Problem
from reconciliation.validate import Message, as_json, canonical_bytes, refused

REJECTED_CHECK, REUSED_CHECK = "event_rejected", "event_id_reused"
MOST_REJECTIONS = 1_000  # of one source in an hour, so that a flood cannot fill the disk
_HOUR = timedelta(hours=1)
_INTERNAL = "internal"


class Verdict(Enum):
    """What became of one message."""

    NEW = "new"
    SEEN = "seen"
    CONFLICT = "conflict"  # its identity is taken by another body
    REJECTED = "rejected"


class Receipt(NamedTuple):
    """The verdict on one message; `row_id` is the event's, unless it was rejected."""

    verdict: Verdict
    event_id: str
    row_id: int | None = None
    is_json: bool = True
    problems: tuple[Problem, ...] = ()


class Foreseen(NamedTuple):
    """The verdict that one message would get; `digest` is its body's, unless it is no event."""

    verdict: Verdict
    digest: bytes | None = None
    problems: tuple[Problem, ...] = ()


class _Told(NamedTuple):
    """A message that is an event, as its row will be."""

    place: int  # among the messages
    message: Message
    identity: tuple[str, str]
    digest: bytes


class _Row(NamedTuple):
    """One row of the table that events are stored from, told_table.sql."""

    place: int
    sender: str
    event_id: str
    type: str
    occurred_at: datetime | None
    data: Jsonb
    raw: bytes
    digest: bytes
    reference: str
    order_reference: str


_TYPES = (
    "integer", "text", "text", "text", "timestamptz", "jsonb", "bytea", "bytea", "text", "text",
)  # fmt: skip


@transaction.atomic
def store(*, source: Source, messages: Sequence[Message], at: datetime) -> list[Receipt]:
    """Store messages of one source, received at `at`; gives a receipt for each, in order.

    When it returns and its transaction is committed, nothing of them can be lost.
    """
    judged = [_allowed(source, message) for message in messages]
    if len(judged) > 1:
        _take_turns(source)
    told = _told(judged)
    receipts = _stored(source, told, at=at) if told else {}
    for place, message in enumerate(judged):
        if message.problems:
            receipts[place] = _rejected(source, message, at=at)
    return [receipts[place] for place in range(len(judged))]


def foresee(*, source: Source, messages: Sequence[Message]) -> list[Foreseen]:
    """Say what `store` would answer to each message if it came alone; nothing is stored."""
    judged = [_allowed(source, message) for message in messages]
    told = _told(judged)
    known = _known(source, told)
    found = [Foreseen(Verdict.REJECTED, problems=message.problems) for message in judged]
    for each in told:
        _, digest = known.get(each.identity, (0, None))
        verdict = Verdict.NEW if digest is None else Verdict.CONFLICT
        found[each.place] = Foreseen(
            Verdict.SEEN if digest == each.digest else verdict, each.digest
        )
    return found


def is_flooded(*, source: Source, at: datetime) -> bool:
    """Tell whether a source has sent so much unreadable lately that no more of it is kept."""
    lately = RejectedEvent.objects.filter(source=source, received_at__gt=at - _HOUR)
    return lately[:MOST_REJECTIONS].count() >= MOST_REJECTIONS


def funnel(receipts: Iterable[Receipt]) -> dict[str, int]:
    """Count receipts by verdict; the counts add up to `total`."""
    counts = {verdict.value: 0 for verdict in Verdict}
    for receipt in receipts:
        counts[receipt.verdict.value] += 1
    return {"total": sum(counts.values()), **counts}


def _allowed(source: Source, message: Message) -> Message:
    """Refuse what only the product itself may say, whoever signed it."""
    if message.problems or source.kind == _INTERNAL:
        return message
    if message.envelope["type"] not in canonical.INTERNAL:
        return message
    return refused(message, [Problem("/type", "Only the product itself may say this.")])


def _told(messages: Sequence[Message]) -> list[_Told]:
    return [
        _Told(
            place,
            message,
            (message.envelope["source"], message.envelope["id"]),
            sha256(canonical_bytes(message)).digest(),
        )
        for place, message in enumerate(messages)
        if not message.problems
    ]


def _take_turns(source: Source) -> None:
    """Let the batches of one source pass one by one: two that overlap would wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('reconciliation.ingest'), %s)", [source.pk]
        )


def _stored(source: Source, told: Sequence[_Told], *, at: datetime) -> dict[int, Receipt]:
    """Store events; what is there already is compared with what is said now."""
    new_rows = _insert(source, told, at=at)
    known = _known(source, [each for each in told if each.identity not in new_rows])
    receipts: dict[int, Receipt] = {}
    first_digests: dict[tuple[str, str], bytes] = {}
    for each in told:
        row_id = new_rows.get(each.identity)
        if row_id is None:
            row_id, digest = known[each.identity]
        elif each.identity not in first_digests:
            first_digests[each.identity] = each.digest
            receipts[each.place] = Receipt(Verdict.NEW, each.message.event_id, row_id)
            continue
        else:  # twice in one batch: the first is new
            digest = first_digests[each.identity]
        receipts[each.place] = _again(each, row_id, is_same=digest == each.digest, at=at)
    return receipts


def _insert(
    source: Source, told: Sequence[_Told], *, at: datetime
) -> Mapping[tuple[str, str], int]:
    """Insert what is not there yet; gives the new rows by identity."""
    rows = [_row(each) for each in told]
    asked: dict[str, Any] = {"source_id": source.pk, "received_at": at}
    with connection.cursor() as cursor:
        if len(rows) == 1:  # tables are for the many
            asked |= rows[0]._asdict()
            cursor.execute(_store_one_sql(), asked)
        else:
            _stage(cursor, rows)
            cursor.execute(sql.load("store_events").format(told="told"), asked)
        return {(sender, event_id): row_id for row_id, sender, event_id in cursor.fetchall()}


def _stage(cursor: CursorWrapper, rows: Sequence[_Row]) -> None:
    """Bring rows to the database by COPY: as JSON or arrays they cost it a quarter more."""
    cursor.execute(sql.load("told_table"))
    with cursor.copy("COPY told FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(_TYPES)
        for row in rows:
            copy.write_row(row)


@cache
def _store_one_sql() -> str:
    """Write the statement that stores one event without a table."""
    values = zip(_Row._fields, _TYPES, strict=True)
    row = ", ".join(f"%({name})s::{type_} AS {name}" for name, type_ in values)
    return sql.load("store_events").format(told=f"(SELECT {row})")


def _row(told: _Told) -> _Row:
    envelope = told.message.envelope
    return _Row(
        told.place,
        envelope["source"],
        envelope["id"],
        envelope["type"],
        told.message.occurred_at,
        Jsonb(envelope["data"], as_json),
        told.message.raw,
        told.digest,
        canonical.reference(type_=envelope["type"], data=envelope["data"]),
        str(envelope["data"].get("order", "")),
    )


def _known(source: Source, told: Sequence[_Told]) -> Mapping[tuple[str, str], tuple[int, bytes]]:
    """Find the rows, and the digests, of identities that were taken before."""
    if not told:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            sql.load("find_events"),
            {
                "source_id": source.pk,
                "senders": sql.array(each.identity[0] for each in told),
                "event_ids": sql.array(each.identity[1] for each in told),
            },
        )
        return {
            (sender, event_id): (row_id, bytes(digest))
            for row_id, sender, event_id, digest in cursor.fetchall()
        }


def _again(told: _Told, row_id: int, *, is_same: bool, at: datetime) -> Receipt:
    """Know an event again, or keep another body under its identity, which is never applied."""
    if is_same:
        return Receipt(Verdict.SEEN, told.message.event_id, row_id)
    event = Event.objects.get(pk=row_id)
    EventConflict.objects.bulk_create(
        [EventConflict(event=event, raw=told.message.raw, sha256=told.digest, received_at=at)],
        ignore_conflicts=True,
    )
    discrepancies.open_for(
        check_name=REUSED_CHECK,
        event=event,
        at=at,
        details={"event_id": event.event_id, "sender": event.sender, "type": event.type},
    )
    return Receipt(Verdict.CONFLICT, told.message.event_id, row_id)


def _rejected(source: Source, message: Message, *, at: datetime) -> Receipt:
    """Keep what cannot be read, once, with every reason, for a person to correct."""
    digest = sha256(message.raw).digest()
    errors = [problem._asdict() for problem in message.problems]
    RejectedEvent.objects.bulk_create(
        [
            RejectedEvent(
                source=source,
                raw=message.raw,
                sha256=digest,
                content_type=message.content_type,
                errors=errors,
                received_at=at,
            )
        ],
        ignore_conflicts=True,
    )
    rejection = RejectedEvent.objects.get(source=source, sha256=digest)
    if rejection.resent_as_id is None:  # what has been corrected is not asked for again
        discrepancies.open_for(
            check_name=REJECTED_CHECK,
            rejection=rejection,
            at=at,
            details={"source": source.slug, "errors": errors[:5]},
        )
    return Receipt(
        Verdict.REJECTED,
        message.event_id,
        is_json=message.is_json,
        problems=message.problems,
    )

"""Folds a batch of claimed events into their orders: a set at a time, in one transaction."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from reconciliation import ledger, names, people, placement
from reconciliation.lifecycle import advance
from reconciliation.models import Event, Source
from reconciliation.normalise import Name, Reading, names_in
from reconciliation.sql import load

ACTOR = "service:apply"
_Status = Event.Status


@dataclass(slots=True)
class Fact:
    """One claimed event, and what it comes to."""

    id: int
    source: Source
    type: str
    occurred_at: datetime
    received_at: datetime
    data: dict[str, Any]
    order_reference: str
    reading: Reading = field(default_factory=Reading)
    order_id: int | None = None
    duplicate_of: int | None = None

    @property
    def is_beginning(self) -> bool:
        """Tell whether it may make an order."""
        return self.type == "order.created"

    @property
    def order_name(self) -> Name:
        """Give the order as the sender names it."""
        return Name("order", self.order_reference)

    @property
    def status(self) -> str:
        """Say what came of it."""
        if self.duplicate_of is not None:
            return str(_Status.DUPLICATE)
        return str(_Status.PARKED if self.order_id is None else _Status.APPLIED)


def fold(facts: Sequence[Fact], *, at: datetime) -> list[int]:
    """Fold events into their orders, and park those whose order is unknown; gives new orders.

    The caller holds the events' locks and the transaction.
    """
    _mark_duplicates(facts)
    new = _find_or_place(facts, at=at)
    applied = [fact for fact in facts if fact.status == _Status.APPLIED]
    touched = sorted({fact.order_id for fact in applied if fact.order_id is not None})
    with connection.cursor() as cursor:
        cursor.execute(load("lock_orders"), {"order_ids": touched})
    _add_to_ledger(applied)
    _finish(facts, at=at)
    _write_positions(applied)
    placement.remember_beginning(new, at=at)
    advance(
        order_ids=touched,
        actor=ACTOR,
        at=at,
        causes={fact.order_id: fact.id for fact in applied if fact.order_id is not None},
    )
    _ask_for_judgement(touched, at=at)
    return new


def _mark_duplicates(facts: Sequence[Fact]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(load("find_duplicates"), {"event_ids": [fact.id for fact in facts]})
        duplicates = dict(cursor.fetchall())
    for fact in facts:
        fact.duplicate_of = duplicates.get(fact.id)


def _find_or_place(facts: Sequence[Fact], *, at: datetime) -> list[int]:
    """Give each event its order; orders told of for the first time are made and named."""
    beginnings = [fact for fact in facts if fact.is_beginning and fact.duplicate_of is None]
    # Asked first: an order whose name is taken by now is found below, if it is the one meant.
    taken = names.find_canonical([fact.order_reference for fact in beginnings])
    _find(facts)
    new = _place([fact for fact in beginnings if fact.order_id is None], taken=taken, at=at)
    if new:
        _find(facts)
    lessons = [
        names.Lesson(fact.source.pk, name, fact.order_id, fact.id)
        for fact in facts
        if fact.order_id is not None and fact.duplicate_of is None
        for name in fact.reading.names
    ]
    names.teach(lessons)
    _find_by_references(facts)
    return new


def _find(facts: Iterable[Fact]) -> None:
    """Find orders by the name that the sender gives, or for our own events by ours."""
    lost = [fact for fact in facts if fact.order_id is None]
    ours = {fact.order_reference for fact in lost if fact.source.kind == "internal"}
    canonical = names.find_canonical(sorted(ours)) if ours else {}
    found = names.find_orders(
        names.Asker(fact.id, fact.source.pk, (fact.order_name,)) for fact in lost
    )
    for fact in lost:
        own = canonical.get(fact.order_reference) if fact.source.kind == "internal" else None
        fact.order_id = own or found.get(fact.id)


def _find_by_references(facts: Iterable[Fact]) -> None:
    lost = [fact for fact in facts if fact.order_id is None and not fact.is_beginning]
    found = names.find_orders(
        names.Asker(fact.id, fact.source.pk, names_in(fact.data)) for fact in lost
    )
    for fact in lost:
        fact.order_id = found.get(fact.id)


def _place(facts: Sequence[Fact], *, taken: Container[str], at: datetime) -> list[int]:
    """Make orders, parents before parts; a part whose parent is unknown stays without one."""
    new: list[int] = []
    waiting = list({fact.order_reference: fact for fact in reversed(facts)}.values())
    while waiting:
        parents = names.find_orders(
            names.Asker(fact.id, fact.source.pk, (Name("order", str(fact.data["parent"])),))
            for fact in waiting
            if fact.data.get("parent")
        )
        ready = [fact for fact in waiting if not fact.data.get("parent") or fact.id in parents]
        if not ready:
            break
        made = placement.place(
            [_placement(fact, parents.get(fact.id)) for fact in ready],
            taken=taken,
            actor=ACTOR,
            at=at,
        )
        names.teach(
            [
                names.Lesson(fact.source.pk, fact.order_name, made[fact.order_reference], fact.id)
                for fact in ready
            ]
        )
        new += made.values()
        waiting = [fact for fact in waiting if fact.order_reference not in made]
    return sorted(new)


def _placement(fact: Fact, parent_id: int | None) -> placement.Placement:
    return placement.Placement(
        name=fact.order_reference,
        event_id=fact.id,
        source_id=fact.source.pk,
        source_slug=fact.source.slug,
        currency=str(fact.data["currency"]),
        parent_id=parent_id,
    )


def _add_to_ledger(applied: Sequence[Fact]) -> None:
    ledger.add_entries(
        [
            ledger.Posting(fact.order_id, fact.id, number, fact.occurred_at, draft)
            for fact in applied
            if fact.order_id is not None
            for number, draft in enumerate(fact.reading.entries)
        ]
    )
    ledger.reverse_entries(
        [
            ledger.Reversal(fact.order_id, fact.id, fact.reading.reverses_event)
            for fact in applied
            if fact.order_id is not None and fact.reading.reverses_event is not None
        ]
    )


def _write_positions(applied: Sequence[Fact]) -> None:
    """Write lines where what was ordered may have changed, and totals wherever entries came."""
    restated = {
        fact.order_id
        for fact in applied
        if fact.order_id is not None
        and (
            fact.reading.reverses_event is not None
            or any(draft.kind == "ORDERED" for draft in fact.reading.entries)
        )
    }
    counted = {
        fact.order_id for fact in applied if fact.order_id is not None and fact.reading.entries
    }
    ledger.rewrite_lines(sorted(restated))
    ledger.recompute(sorted(restated | counted))


def _finish(facts: Sequence[Fact], *, at: datetime) -> None:
    """Write what came of each event; a customer's fields move from it to where they belong."""
    customers = {
        fact.id: fact.data["customer"]
        for fact in facts
        if fact.data.get("customer") and fact.status != _Status.PARKED
    }
    people.keep([people.person_in(customer) for customer in customers.values()])
    with connection.cursor() as cursor:
        cursor.execute(
            load("finish_events"),
            {
                "ids": [fact.id for fact in facts],
                "statuses": [fact.status for fact in facts],
                "order_ids": [fact.order_id for fact in facts],
                "duplicates": [fact.duplicate_of for fact in facts],
                "customers": [
                    Jsonb(people.stays(customers[fact.id])) if fact.id in customers else None
                    for fact in facts
                ],
                "at": at,
            },
        )


def _ask_for_judgement(order_ids: Sequence[int], *, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO reconciliation_recheck AS known (order_id, due_at, reason)
            SELECT touched.order_id, %s::timestamptz, ''
            FROM unnest(%s::bigint[]) AS touched (order_id)
            ON CONFLICT (order_id) DO UPDATE
            SET due_at = LEAST(known.due_at, excluded.due_at), reason = ''
            """,
            [at, list(order_ids)],
        )

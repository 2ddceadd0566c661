"""Folds a batch of claimed events into their orders: a set at a time, in one transaction."""

import json
from collections.abc import Sequence, Set
from datetime import datetime

from django.db import connection

from reconciliation import ledger, merging, people, placement
from reconciliation.finding import Fact, find_or_place
from reconciliation.lifecycle import advance
from reconciliation.models import Event
from reconciliation.sql import array, load

ACTOR = "service:apply"
_Status = Event.Status


def fold(facts: Sequence[Fact], *, at: datetime) -> list[int]:
    """Fold events into their orders, and park those whose order is unknown; gives new orders.

    The caller holds the events' locks and the transaction.
    """
    _mark_duplicates(facts)
    new = find_or_place(facts, actor=ACTOR, at=at)
    applied = [fact for fact in facts if fact.status == _Status.APPLIED]
    touched = _lock(applied)
    _add_to_ledger(applied)
    _finish(facts, at=at)
    merging.carry_out(applied, actor=ACTOR, at=at)
    _write_positions(applied, changed=merging.concerned(applied))
    placement.remember_beginning(new, at=at)
    _move(touched, applied, at=at)
    _ask_for_judgement(touched, at=at)
    return new


def _lock(applied: Sequence[Fact]) -> list[int]:
    """Lock every order that facts reach. One that was merged meanwhile leads to what it became.

    What happens to one of a family may move the others: they are locked with it, and so is the
    whole that all of them have in common.
    """
    touched = {fact.order_id for fact in applied if fact.order_id is not None}
    touched |= merging.concerned(applied)
    touched |= ledger.family_of(sorted(touched)).keys()
    merged = _lock_rows(sorted(touched))
    if merged:
        merged |= _lock_rows(sorted(set(merged.values()) - touched))
        merging.follow(sorted(merged.items()))
        for fact in applied:
            fact.order_id = merged.get(fact.order_id or 0, fact.order_id)
    return sorted(touched | set(merged.values()))


def _move(touched: Sequence[int], applied: Sequence[Fact], *, at: datetime) -> None:
    """Move what facts reach: sub-orders before what they are parts of, whose cause theirs is."""
    families = ledger.family_of(touched)
    causes = {fact.order_id: fact.id for fact in applied if fact.order_id is not None}
    for order_id, whole_id in families.items():
        if order_id in causes:
            causes.setdefault(whole_id, causes[order_id])
    for order_id, whole_id in families.items():
        if whole_id in causes:
            causes.setdefault(order_id, causes[whole_id])
    parts = {order_id for order_id, whole_id in families.items() if order_id != whole_id}
    advance(order_ids=sorted(parts), actor=ACTOR, at=at, causes=causes)
    advance(order_ids=sorted(set(touched) - parts), actor=ACTOR, at=at, causes=causes)


def _lock_rows(order_ids: Sequence[int]) -> dict[int, int]:
    """Lock orders; gives those that were merged, each with the order it became."""
    with connection.cursor() as cursor:
        cursor.execute(load("lock_orders"), {"order_ids": array(order_ids)})
        return {pk: merged_into for pk, merged_into in cursor.fetchall() if merged_into is not None}


def _mark_duplicates(facts: Sequence[Fact]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(load("find_duplicates"), {"event_ids": array(fact.id for fact in facts)})
        found = cursor.fetchall()
    roots: dict[int, int] = {}
    for event_id, previous_id, root_id in found:  # by arrival, so each comes after what it repeats
        roots[event_id] = roots.get(previous_id, root_id)
    for fact in facts:
        fact.duplicate_of = roots.get(fact.id)


def _add_to_ledger(applied: Sequence[Fact]) -> None:
    # An event that was taken back has entries already; those it makes now are numbered on.
    first = ledger.next_numbers([fact.id for fact in applied if fact.park_until is not None])
    ledger.add_entries(
        [
            ledger.Posting(fact.order_id, fact.id, number, fact.occurred_at, draft)
            for fact in applied
            if fact.order_id is not None
            for number, draft in enumerate(fact.reading.entries, start=first.get(fact.id, 0))
        ]
    )
    ledger.reverse_entries(
        [
            ledger.Reversal(fact.order_id, fact.id, fact.reading.reverses_event)
            for fact in applied
            if fact.order_id is not None and fact.reading.reverses_event is not None
        ]
    )
    ledger.reverse_entries(_taken_back_before(applied))


def _taken_back_before(applied: Sequence[Fact]) -> list[ledger.Reversal]:
    """List corrections that were applied before what they take back came."""
    orders = {fact.id: fact.order_id for fact in applied if fact.order_id is not None}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, corrects_id FROM reconciliation_event WHERE corrects_id = ANY(%s::bigint[])"
            " AND type = 'correction.recorded' AND status = 'APPLIED'",
            [array(orders)],
        )
        return [
            ledger.Reversal(orders[event_id], correction_id, event_id)
            for correction_id, event_id in cursor.fetchall()
        ]


def _write_positions(applied: Sequence[Fact], *, changed: Set[int]) -> None:
    """Write lines where what was ordered may have changed, and totals wherever entries came."""
    restated = changed | {
        fact.order_id
        for fact in applied
        if fact.order_id is not None
        and (
            fact.reading.reverses_event is not None
            or fact.reading.merges
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
    erased = people.keep([people.person_in(customer) for customer in customers.values()])
    stays = {
        pk: json.dumps(people.stays(customer, erased=erased)) for pk, customer in customers.items()
    }
    with connection.cursor() as cursor:
        cursor.execute(
            load("finish_events"),
            {
                "ids": array(fact.id for fact in facts),
                "statuses": array(fact.status for fact in facts),
                "order_ids": array(fact.order_id for fact in facts),
                "duplicates": array(fact.duplicate_of for fact in facts),
                "customers": array(stays.get(fact.id) for fact in facts),
                "at": at,
            },
        )
    if erased:  # said again by someone's system: the bytes must not bring them back
        said = [key for key, told in customers.items() if people.person_in(told).key in erased]
        Event.objects.filter(pk__in=said).update(raw=None)


def _ask_for_judgement(order_ids: Sequence[int], *, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO reconciliation_recheck AS known (order_id, due_at, reason)
            SELECT touched.order_id, %s::timestamptz, ''
            FROM unnest(%s::bigint[]) AS touched (order_id)
            JOIN reconciliation_order AS orders
                ON orders.id = touched.order_id AND orders.merged_into_id IS NULL
            ON CONFLICT (order_id) DO UPDATE
            SET due_at = LEAST(known.due_at, excluded.due_at), reason = ''
            """,
            [at, array(order_ids)],
        )

"""Merges two orders that are one, and takes a merge or a taught name back.

Only corrections do this, as they are applied; the caller holds the locks of the orders.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from audit.record import record
from reconciliation import discrepancies, finding
from reconciliation.finding import Fact
from reconciliation.lifecycle import history_columns
from reconciliation.models import Alias, Discrepancy, Event, Order, Recheck
from reconciliation.normalise import Name, names_in, read
from reconciliation.sql import load


class CannotMerge(ValueError):
    """The two orders may not become one; the message says why."""


class Condition(NamedTuple):
    """Something that must be so before two orders are merged, and whether it is."""

    text: str
    holds: bool


def conditions(*, loser: Order, survivor: Order) -> list[Condition]:
    """List what must be so for `loser` to become a part of what `survivor` stands for."""
    return [
        Condition("They are two orders", loser.pk != survivor.pk),
        Condition(
            "Neither was merged into another",
            loser.merged_into_id is None and survivor.merged_into_id is None,
        ),
        Condition(
            f"No other order was merged into {loser.canonical_id}",
            not Order.objects.filter(merged_into=loser).exists(),
        ),
        Condition(
            f"{loser.canonical_id} has no sub-orders",
            not Order.objects.filter(parent=loser).exists(),
        ),
        Condition(
            "Both are parts of the same order, or of none", loser.parent_id == survivor.parent_id
        ),
        Condition("Both are in the same currency", loser.currency == survivor.currency),
    ]


def concerned(facts: Iterable[Fact]) -> set[int]:
    """Give the orders that corrections change besides the one they name."""
    wanted = {fact.reading.merges for fact in facts if fact.reading.merges}
    taken_back = [fact.reading.reverses_event for fact in facts if fact.reading.reverses_event]
    for data in Event.objects.filter(pk__in=taken_back).values_list("data", flat=True):
        wanted.add(str(data.get("merges", "")))
    found = Order.objects.filter(canonical_id__in=wanted - {""})
    return set(found.values_list("pk", flat=True))


def carry_out(facts: Iterable[Fact], *, actor: str, at: datetime) -> None:
    """Do what applied corrections say beyond entries. Raises CannotMerge.

    What another correction takes back, whichever of the two comes first, is not done at all.
    """
    ours = [fact for fact in facts if fact.reading.merges or fact.reading.reverses_event]
    void = finding.taken_back([fact.id for fact in ours])
    for fact in sorted(ours, key=lambda fact: fact.id):
        if fact.reading.merges and fact.id not in void:
            _merge(fact, actor=actor, at=at)
        if fact.reading.reverses_event:
            _take_back(fact, actor=actor, at=at)


def follow(pairs: Sequence[tuple[int, int]]) -> None:
    """Bring names that were taught of an order while it was being merged after the others."""
    for loser_id, survivor_id in pairs:
        Alias.objects.filter(order_id=loser_id).update(
            order_id=survivor_id, merged_from_id=loser_id
        )


def _merge(fact: Fact, *, actor: str, at: datetime) -> None:
    survivor, loser = _order_of(fact), Order.objects.get(canonical_id=fact.reading.merges)
    if loser.merged_into_id == survivor.pk:
        return
    for condition in conditions(loser=loser, survivor=survivor):
        if not condition.holds:
            raise CannotMerge(f"Not so: {condition.text}.")
    _tell(loser, survivor, fact, words=("order.merged", "order.absorbed"), actor=actor, at=at)
    Order.objects.filter(pk=loser.pk).update(merged_into=survivor, verdict="UNJUDGED")
    _remember(loser.pk, reason="order.merged", at=at)
    follow([(loser.pk, survivor.pk)])
    Event.objects.filter(order=loser).update(order=survivor)
    _move_entries(fact.id, from_id=loser.pk, to_id=survivor.pk)
    for found in Discrepancy.objects.filter(order=loser, cleared_at__isnull=True).order_by("pk"):
        discrepancies.clear(check_name=found.check_name, order=loser, at=at)
    Recheck.objects.filter(order=loser).delete()


def _take_back(fact: Fact, *, actor: str, at: datetime) -> None:
    target = Event.objects.filter(pk=fact.reading.reverses_event or 0).first()
    if target is None or target.type != fact.type:
        return
    merged = Order.objects.filter(canonical_id=target.data.get("merges", "")).first()
    if merged is not None:
        _unmerge(fact, merged, actor=actor, at=at)
    if target.data.get("names"):
        _forget(fact, target, at=at)


def _unmerge(fact: Fact, loser: Order, *, actor: str, at: datetime) -> None:
    survivor = _order_of(fact)
    if loser.merged_into_id != survivor.pk:
        return
    _tell(loser, survivor, fact, words=("order.separated", "order.released"), actor=actor, at=at)
    Order.objects.filter(pk=loser.pk).update(merged_into=None, verdict="UNJUDGED")
    _remember(loser.pk, reason="order.separated", at=at)
    returned = Alias.objects.filter(order=survivor, merged_from=loser)
    known = {Name(kind, value) for kind, value in returned.values_list("kind", "value")}
    returned.update(order=loser, merged_from=None)
    settled = _settle_again(survivor.pk, known, ours=True)
    back = [event.id for event in settled if event.order_id == loser.pk]
    _move_entries(fact.id, from_id=survivor.pk, to_id=loser.pk, event_ids=back)
    Event.objects.filter(pk__in=back).update(order=loser)


def _forget(fact: Fact, target: Event, *, at: datetime) -> None:
    """Forget the names that a correction taught; what was found by them waits again."""
    assert fact.order_id is not None
    taught = Alias.objects.filter(event_id=target.pk, order_id=fact.order_id)
    known = {Name(kind, value) for kind, value in taught.values_list("kind", "value")}
    taught.delete()
    settled = _settle_again(fact.order_id, known, ours=False)
    lost = [event.id for event in settled if event.order_id != fact.order_id]
    _run(
        "take_out_entries",
        {"correction_id": fact.id, "order_id": fact.order_id, "event_ids": lost},
    )
    gone = Event.objects.filter(pk__in=lost)
    gone.filter(status=Event.Status.APPLIED).update(status=Event.Status.PARKED, applied_at=None)
    gone.update(order=None, park_until=at)


def _settle_again(order_id: int, known: set[Name], *, ours: bool) -> list[Fact]:
    """Find the order anew of all that was found by these names, or by what came with those.

    Names that such events have taught are forgotten first, or they would find themselves.
    """
    on_order = [
        _as_fact(event)
        for event in Event.objects.filter(order_id=order_id).select_related("source")
        if event.status in (Event.Status.APPLIED, Event.Status.DUPLICATE)
    ]
    concerned = _reached(on_order, known, order_id)
    later = {fact.id for fact in concerned if not fact.is_beginning}
    Alias.objects.filter(event_id__in=later, order_id=order_id).delete()
    if ours:
        concerned += [fact for fact in on_order if fact.is_ours]
    finding.settle_again(concerned)
    return concerned


def _reached(on_order: Sequence[Fact], known: set[Name], order_id: int) -> list[Fact]:
    """List the events that use one of these names, or one that such an event has taught."""
    reached: dict[int, Fact] = {}
    while True:
        more = {
            fact.id: fact
            for fact in on_order
            if fact.id not in reached
            and not fact.is_ours
            and known & {fact.order_name, *names_in(fact.data)}
        }
        if not more:
            return sorted(reached.values(), key=lambda fact: fact.id)
        reached |= more
        taught = Alias.objects.filter(event_id__in=list(more), order_id=order_id)
        known = {Name(kind, value) for kind, value in taught.values_list("kind", "value")}


def _order_of(fact: Fact) -> Order:
    assert fact.order_id is not None
    return Order.objects.get(pk=fact.order_id)


def _as_fact(event: Event) -> Fact:
    return Fact(
        event.pk,
        event.source,
        event.type,
        event.occurred_at,
        event.received_at,
        event.data,
        event.order_reference,
        reading=read(type_=event.type, data=event.data),
    )


def _move_entries(
    correction_id: int, *, from_id: int, to_id: int, event_ids: Sequence[int] | None = None
) -> None:
    _run(
        "move_entries",
        {
            "correction_id": correction_id,
            "from_id": from_id,
            "to_id": to_id,
            "event_ids": None if event_ids is None else list(event_ids),
        },
    )


def _tell(
    loser: Order,
    survivor: Order,
    fact: Fact,
    *,
    words: tuple[str, str],
    actor: str,
    at: datetime,
) -> None:
    """Put it on the trail of both orders."""
    for order, other, action in ((loser, survivor, words[0]), (survivor, loser, words[1])):
        record(
            stream="order",
            subject_id=order.pk,
            action=action,
            actor=actor,
            at=at,
            cause_event_id=fact.id,
            detail={"what": other.canonical_id, "order": other.pk},
        )


def _remember(order_id: int, *, reason: str, at: datetime) -> None:
    """Write a history row of an order whose merge was changed."""
    columns = ", ".join(history_columns())
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO reconciliation_historicalorder ({columns}, history_date,"  # noqa: S608
            " history_type, history_change_reason)"
            f" SELECT {columns}, %s, '~', %s FROM reconciliation_order WHERE id = %s",
            [at, reason, order_id],
        )


def _run(name: str, given: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(load(name), dict(given))

"""Finds the order that each event means, or makes it; what one fact ties together stays tied."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciliation import names, placement
from reconciliation.models import Event, Order, Source
from reconciliation.normalise import TYING, Name, Reading, names_in, references_in

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
    park_until: datetime | None = None  # set: it was parked before, or applied and taken back
    reading: Reading = field(default_factory=Reading)
    order_id: int | None = None
    duplicate_of: int | None = None
    is_named_anew: bool = False  # found by something else than its name for the order

    @property
    def is_beginning(self) -> bool:
        """Tell whether it may make an order."""
        return self.type == "order.created"

    @property
    def is_ours(self) -> bool:
        """Tell whether the product itself says it, and so names orders as we do."""
        return self.source.kind == "internal"

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


def find_or_place(facts: Sequence[Fact], *, actor: str, at: datetime) -> list[int]:
    """Give each event its order; orders told of for the first time are made and named."""
    beginnings = [fact for fact in facts if fact.is_beginning and fact.duplicate_of is None]
    # Asked first: an order whose name is taken by now is found below, if it is the one meant.
    taken = names.find_canonical([fact.order_reference for fact in beginnings])
    _find_by_name(facts)
    _teach_corrected(facts)
    _find_by_ties(beginnings)
    lost = [fact for fact in beginnings if fact.order_id is None]
    new = _place(lost, taken=taken, actor=actor, at=at)
    if new:
        _find_by_name(facts)
        _teach_corrected(facts)
    _learn(facts)
    return new


def settle_again(facts: Sequence[Fact]) -> None:
    """Find orders by the names that are known now, and teach what comes with them; make none."""
    _find_by_name(facts)
    _learn(facts)


def _learn(facts: Sequence[Fact]) -> None:
    """Teach what events say, and find others by it: what one teaches, the next may need."""
    _teach(facts)
    while found := _find_by_references(facts):
        _teach(found)


def taken_back(event_ids: Sequence[int]) -> set[int]:
    """Give those corrections that another takes back, applied or not yet."""
    reversals = Event.objects.filter(corrects_id__in=event_ids, type="correction.recorded")
    return set(reversals.values_list("corrects_id", flat=True)) if event_ids else set()


def _find_by_name(facts: Iterable[Fact]) -> None:
    """Find orders by the name that the sender gives, or for our own events by ours."""
    lost = [fact for fact in facts if fact.order_id is None]
    ours = {name for fact in lost if fact.is_ours for name in _called_by_us(fact)}
    canonical = names.find_canonical(sorted(ours)) if ours else {}
    found = names.find_orders(
        names.Asker(fact.id, fact.source.pk, (fact.order_name,))
        for fact in lost
        if not fact.is_ours
    )
    for fact in lost:
        if not fact.is_ours:
            fact.order_id = found.get(fact.id)
        elif all(name in canonical for name in _called_by_us(fact)):
            fact.order_id = canonical[fact.order_reference]


def _called_by_us(fact: Fact) -> tuple[str, ...]:
    """List the orders that a correction needs, as we call them: a merge needs two."""
    merged = str(fact.data.get("merges", ""))
    return (fact.order_reference, merged) if merged else (fact.order_reference,)


def _teach_corrected(facts: Iterable[Fact]) -> None:
    """Remember the names that corrections teach, unless another correction takes that back."""
    ours = [fact for fact in facts if fact.reading.teaches and fact.order_id is not None]
    if not ours:
        return
    void = taken_back([fact.id for fact in ours])
    slugs = {each.source for fact in ours for each in fact.reading.teaches}
    sources = dict(Source.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    names.teach(
        [
            names.Lesson(sources[each.source], each.name, fact.order_id, fact.id)
            for fact in ours
            if fact.order_id is not None and fact.id not in void
            for each in fact.reading.teaches
            if each.source in sources
        ]
    )


def _find_by_references(facts: Iterable[Fact]) -> list[Fact]:
    """Find orders by the outside things that events speak of; gives those that were found."""
    lost = [
        fact
        for fact in facts
        if fact.order_id is None and not fact.is_beginning and not fact.is_ours
    ]
    found = names.find_orders(
        names.Asker(fact.id, fact.source.pk, (fact.order_name, *names_in(fact.data)))
        for fact in lost
    )
    for fact in lost:
        fact.order_id = found.get(fact.id)
        fact.is_named_anew = fact.order_id is not None
    return [fact for fact in lost if fact.is_named_anew]


def _find_by_ties(beginnings: Iterable[Fact]) -> None:
    """Know an order that another source has told of by a name of its own.

    Two names that one source gives are always two orders.
    """
    tied = {fact.id: fact for fact in beginnings if fact.order_id is None and _ties(fact)}
    found = names.find_orders(
        names.Asker(fact.id, fact.source.pk, _ties(fact)) for fact in tied.values()
    )
    pairs = [(tied[fact_id].source.pk, order_id) for fact_id, order_id in found.items()]
    told = names.named_by(pairs)
    for fact_id, order_id in sorted(found.items()):
        pair = (tied[fact_id].source.pk, order_id)
        if pair not in told:
            tied[fact_id].order_id = order_id
            tied[fact_id].is_named_anew = True
            told.add(pair)
    _teach([fact for fact in tied.values() if fact.order_id is not None])


def _ties(fact: Fact) -> tuple[Name, ...]:
    if fact.data.get("parent"):  # a part is an order of its own, whatever the whole is called
        return ()
    return tuple(name for name in references_in(fact.data) if name.kind in TYING)


def _teach(found: Iterable[Fact]) -> None:
    """Remember the names that come with events that have found their order."""
    names.teach(
        [
            names.Lesson(fact.source.pk, name, fact.order_id, fact.id)
            for fact in found
            if fact.order_id is not None and fact.duplicate_of is None and not fact.is_ours
            for name in _taught_by(fact)
        ]
    )


def _taught_by(fact: Fact) -> tuple[Name, ...]:
    """List what an event teaches; what it was found by is known.

    A first statement names the order for its source even where another source's name led to it, so
    that it is the same whichever came first.
    """
    is_name_new = fact.is_named_anew or fact.is_beginning
    is_known = not is_name_new or not fact.order_reference
    return fact.reading.names if is_known else (fact.order_name, *fact.reading.names)


def _place(facts: Sequence[Fact], *, taken: Container[str], actor: str, at: datetime) -> list[int]:
    """Make orders, parents before parts; a part whose parent is unknown stays without one."""
    new: list[int] = []
    firsts = {fact.order_reference: fact for fact in reversed(facts)}
    waiting = sorted(firsts.values(), key=lambda fact: fact.id)
    while waiting:
        parents = _find_parents(waiting)
        ready = [fact for fact in waiting if not fact.data.get("parent") or fact.id in parents]
        ready = _first_of_each(ready)
        if not ready:
            break
        made = placement.place(
            [_placement(fact, parents.get(fact.id)) for fact in ready],
            taken=taken,
            actor=actor,
            at=at,
        )
        for fact in ready:
            fact.order_id = made[fact.order_reference]
        names.teach(
            [
                names.Lesson(fact.source.pk, name, made[fact.order_reference], fact.id)
                for fact in ready
                for name in (fact.order_name, *fact.reading.names)
            ]
        )
        new += made.values()
        waiting = [fact for fact in waiting if fact.order_reference not in made]
        _find_by_ties(waiting)
        waiting = [fact for fact in waiting if fact.order_id is None]
    return sorted(new)


def _find_parents(facts: Iterable[Fact]) -> dict[int, int]:
    """Find what parts are parts of; a part of a part is one of the whole."""
    found = names.find_orders(
        names.Asker(fact.id, fact.source.pk, (Name("order", str(fact.data["parent"])),))
        for fact in facts
        if fact.data.get("parent")
    )
    parts = Order.objects.filter(pk__in=found.values(), parent__isnull=False) if found else ()
    wholes = {part.pk: part.parent_id for part in parts}
    return {fact_id: wholes.get(order_id) or order_id for fact_id, order_id in found.items()}


def _first_of_each(ready: Sequence[Fact]) -> list[Fact]:
    """Leave out, for this round, what may be the same order as another that is made now."""
    claimed: dict[Name, int] = {}
    firsts = []
    for fact in ready:
        ties = (fact.order_name, *_ties(fact))
        others = {claimed[name] for name in ties if name in claimed}
        if others - {fact.source.pk}:
            continue
        firsts.append(fact)
        claimed |= dict.fromkeys(ties, fact.source.pk)
    return firsts


def _placement(fact: Fact, parent_id: int | None) -> placement.Placement:
    return placement.Placement(
        name=fact.order_reference,
        event_id=fact.id,
        source_id=fact.source.pk,
        source_slug=fact.source.slug,
        currency=str(fact.data["currency"]),
        parent_id=parent_id,
    )

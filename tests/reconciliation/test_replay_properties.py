"""Replay and order of arrival: shuffled, repeated and rebuilt, a log comes to the same."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from reconciliation import apply, ingest, reconcile, replay
from reconciliation.models import Event, Order
from reconciliation.parting import Image, partings
from reconciliation.validate import said
from tests.reconciliation.worlds import rules
from tests.world import NOON, line, say, source


class Message(NamedTuple):
    """One thing that a source says, by an identity of its own."""

    source: str
    type: str
    name: str
    minutes: int
    data: dict[str, Any]


def money(kind: str, order: int, number: int, amount: int) -> dict[str, Any]:
    data: dict[str, Any] = {"amount_minor": amount, "currency": "EUR"}
    if kind == "refund":
        data["payment"] = f"payment-{order}-{number}"
    return data | {kind: f"{kind}-{order}-{number}"}


SAYS = {
    "payment.captured": ("card-payments", "payment"),
    "payment.authorised": ("card-payments", "payment"),
    "payment.refunded": ("card-payments", "refund"),
    "payment.failed": ("card-payments", "payment"),
    "invoice.issued": ("billing", "invoice"),
    "invoice.voided": ("billing", "invoice"),
}


@st.composite
def facts_of(draw: st.DrawFn, order: int) -> list[Message]:
    """Draw what is said of one order: how it was placed, and up to six other facts."""
    quantity = draw(st.integers(1, 3))
    placed = {
        "order": f"O-{order}",
        "currency": "EUR",
        "total_minor": 1000 * quantity,
        "lines": [line("1", quantity)],
        "confirmed": draw(st.booleans()),
        "references": {"deal": f"D-{order}"},
    }
    messages = [Message("shop", "order.created", f"{order}-placed", 0, placed)]
    for number in range(draw(st.integers(0, 6))):
        minutes = draw(st.integers(1, 500))
        type_ = draw(st.sampled_from([*SAYS, "shipment.shipped", "order.cancelled"]))
        name = f"{order}-{number}"
        data: dict[str, Any] = {"order": f"O-{order}"}
        if type_ in SAYS:
            slug, kind = SAYS[type_]
            data |= money(kind, order, number, 1000 * quantity)
        elif type_ == "order.cancelled":
            slug = "shop"
        else:
            slug = "carrier"
            data |= {"shipment": f"S-{order}-{number}"}
            data["lines"] = [{"line": "1", "quantity": draw(st.integers(1, quantity))}]
        messages.append(Message(slug, type_, name, minutes, data))
    return messages


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Message], list[Message], int]:
    """Draw a log, the same shuffled with repeats of both kinds, and how much is applied at once."""
    log = [each for order in (1, 2) for each in draw(facts_of(order))]
    again = draw(st.lists(st.sampled_from(log), max_size=4))
    retold = [
        each._replace(name=f"{each.name}-again")
        for each in draw(st.lists(st.sampled_from(log), max_size=3, unique_by=lambda m: m.name))
        if each.type in SAYS or each.type == "shipment.shipped"
    ]
    return log, draw(st.permutations([*log, *again, *retold])), draw(st.integers(1, 8))


def deliver(messages: Sequence[Message], *, batch: int) -> None:
    """Send messages through the front door, and apply as they come in."""
    for place, message in enumerate(messages):
        envelope = {
            "specversion": "1.0",
            "id": message.name,
            "source": f"/{message.source}",
            "type": message.type,
            "time": (NOON + timedelta(minutes=message.minutes)).isoformat(),
            "data": message.data,
        }
        ingest.store(source=source(message.source), messages=[said(envelope)], at=NOON)
        if place % batch == 0:
            apply.take(limit=batch, at=NOON)
    while apply.take(limit=batch, at=NOON):
        pass


def judged(at: datetime) -> None:
    while reconcile.take(limit=100, at=at):
        pass


def natural(image: Image) -> dict[str, Any]:
    """Tell an order without numbers that only one delivery has."""
    entries = [
        {key: value for key, value in row.items() if key not in {"id", "event_id"}}
        for row in image.entries
    ]
    aliases = [{key: row[key] for key in ("source_id", "kind", "value")} for row in image.aliases]
    return {
        "standing": image.standing,
        "position": image.position,
        "lines": image.lines,
        "totals": image.totals,
        "entries": sorted(map(str, entries)),
        "aliases": sorted(map(str, aliases)),
    }


def comes_to(messages: Sequence[Message], *, batch: int, at: datetime) -> dict[str, Any]:
    """Deliver in a world of its own; live and rebuild must be equal there. Gives what it is."""
    with transaction.atomic():
        deliver(messages, batch=batch)
        judged(at)
        ids = list(Order.objects.values_list("pk", flat=True))
        both = replay.rebuild(order_ids=ids, at=at)
        assert partings(both) == []
        transaction.set_rollback(True)
    return {name: natural(image) for name, image in both.scratch.items()}


class Arrivals(TestCase):
    """Any order of arrival, any repeats, any batches."""

    @settings(max_examples=15)
    @given(deliveries())
    def test_a_shuffled_log_with_repeats_comes_to_what_one_ordered_delivery_does(
        self, drawn: tuple[list[Message], list[Message], int]
    ) -> None:
        """Both worlds are made and undone within one example."""
        rules()
        for slug in ("shop", "card-payments", "billing", "carrier"):
            source(slug)
        log, shuffled, batch = drawn
        at = NOON + timedelta(days=2)

        assert comes_to(shuffled, batch=batch, at=at) == comes_to(log, batch=100, at=at)


@pytest.mark.django_db
def test_what_people_decided_is_replayed_in_its_place() -> None:
    """A merge, a write-off and a merge taken back are events like others."""
    rules()
    deliver(
        [
            Message("shop", "order.created", f"{name}-placed", 0, {
                "order": name, "currency": "EUR", "total_minor": 1000, "lines": [line()],
            })
            for name in ("O-1", "O-2", "O-3")
        ],
        batch=100,
    )  # fmt: skip
    written = {"kind": "WRITTEN_OFF", "amount_minor": 2, "currency": "EUR"}
    say("reconcile", "correction.recorded", "O-1", NOON, repair="1", kind="merge", entries=[],
        merges="O-2")  # fmt: skip
    say("reconcile", "correction.recorded", "O-1", NOON, repair="2", kind="w", entries=[written])
    merge = say("reconcile", "correction.recorded", "O-1", NOON, repair="3", kind="merge",
                entries=[], merges="O-3")  # fmt: skip
    while apply.take(limit=100, at=NOON):
        pass
    back = say("reconcile", "correction.recorded", "O-1", NOON, repair="3", kind="merge",
               entries=[], reverses_event=merge.pk)  # fmt: skip
    Event.objects.filter(pk=back.pk).update(corrects=merge)
    while apply.take(limit=100, at=NOON):
        pass
    judged(NOON)

    ids = list(Order.objects.values_list("pk", flat=True))
    both = replay.rebuild(order_ids=ids[:1], at=NOON)

    assert Order.objects.get(canonical_id="O-2").merged_into is not None
    assert Order.objects.get(canonical_id="O-3").merged_into is None
    assert both.scratch["O-2"].merged_into == "O-1"
    assert both.scratch["O-1"].position["written_off_minor"] == 2
    assert partings(both) == []

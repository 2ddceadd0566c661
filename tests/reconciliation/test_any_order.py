"""Facts may come in any order and be told again: what is believed of an order is the same."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from reconciliation import apply
from reconciliation.ledger import COLUMNS
from reconciliation.models import Alias, Entry, Event, Order, OrderLine, OrderTotal
from reconciliation.queries import positions_that_differ
from reconciliation.sources import canonical
from tests.world import NOON, later, line, say

MOST_TIMES = 3  # that one thing is said
_NOT_NAMES = {"currency", "kind", "action", "rate"}


WRITE_OFF = {"kind": "WRITTEN_OFF", "amount_minor": 4, "currency": "EUR"}


def _a_life() -> list[tuple[str, str, int, dict[str, Any]]]:
    """All that was ever said of one order: source, type, hour, data."""
    money = {"currency": "EUR"}
    two = {"lines": [{"line": "1", "quantity": 2}]}
    one = {"lines": [{"line": "1", "quantity": 1}]}
    small, large = [line("1", 2), line("2", 1, fulfil="activate")], [line("1", 3)]
    return [
        ("shop", "order.created", 0, {**money, "total_minor": 3000, "lines": small}),
        ("crm", "order.created", 0, {**money, "total_minor": 1, "lines": large}),
        ("shop", "order.amended", 5, {"total_minor": 3500, "lines": large}),
        ("shop", "order.amended", 5, {"total_minor": 3600, "lines": small}),
        ("shop", "order.confirmed", 1, {}),
        ("shop", "order.cancelled", 30, {}),
        ("billing", "invoice.issued", 2, {**money, "invoice": "I-1", "amount_minor": 3000}),
        ("billing", "invoice.voided", 3, {"invoice": "I-1", "amount_minor": 3000}),
        ("billing", "invoice.issued", 4, {**money, "invoice": "I-2", "amount_minor": 3600}),
        ("card-payments", "payment.failed", 1, {**money, "payment": "P-0", "amount_minor": 3000}),
        ("card-payments", "payment.authorised", 1, {**money, "payment": "P-1", "amount_minor": 9}),
        ("card-payments", "payment.captured", 2,
         {**money, "payment": "P-1", "amount_minor": 9, "fee_minor": 2}),
        ("card-payments", "payment.captured", 2, {**money, "payment": "P-2", "amount_minor": 9}),
        ("card-payments", "payment.captured", 2,
         {"currency": "USD", "payment": "P-3", "amount_minor": 7}),
        ("card-payments", "payment.disputed", 10, {**money, "dispute": "E", "amount_minor": 9}),
        ("card-payments", "settlement.pending", 11, {**money, "settlement": "Q", "net_minor": 6}),
        ("card-payments", "settlement.finalised", 12,
         {**money, "settlement": "Q", "payment": "P-1", "gross_minor": 9, "net_minor": 6,
          "fee_minor": 3}),
        ("card-payments", "payment.captured", 3,
         {"currency": "JPY", "payment": "P-4", "amount_minor": 17}),
        ("card-payments", "payment.captured", 3,
         {"currency": "KWD", "payment": "P-5", "amount_minor": 1_235, "fee_minor": 7}),
        ("card-payments", "settlement.finalised", 12,
         {**money, "settlement": "Q-4", "payment": "P-4", "gross_minor": 10, "net_minor": 8,
          "fee_minor": 2, "rate": "0.00613"}),
        ("card-payments", "settlement.finalised", 12,
         {"settlement": "Q-1", "currency": "KWD", "gross_minor": 35, "net_minor": 33,
          "fee_minor": 2, "rate": "0.333"}),
        ("card-payments", "payout.paid", 13, {**money, "payout": "O", "amount_minor": 5}),
        ("billing", "credit_note.issued", 14, {**money, "credit_note": "N", "amount_minor": 8}),
        ("card-payments", "payment.refunded", 9, {**money, "refund": "R-1", "amount_minor": 9}),
        ("billing", "payment.posted", 3, {**money, "posting": "L-1", "amount_minor": 9}),
        ("billing", "payment.unposted", 4, {"posting": "L-1", "amount_minor": 9}),
        ("carrier", "shipment.shipped", 6, {"shipment": "S", **two}),
        ("carrier", "shipment.delivered", 7, {"shipment": "S"}),
        ("carrier", "return.received", 8, {"return": "T", **one}),
        ("shop", "fulfilment.recorded", 6, {"fulfilment": "F"}),
        ("shop", "fulfilment.unrecorded", 7, {"fulfilment": "F"}),
        ("subscriptions-app", "subscription.activated", 1, {"subscription": "U"}),
        ("subscriptions-app", "subscription.deactivated", 2, {"subscription": "U"}),
        ("subscriptions-app", "subscription.activated", 3, {"subscription": "U"}),
        ("reconcile", "writeback.confirmed", 15, {"writeback": "wb-1", "action": "mark_fulfilled"}),
        ("reconcile", "correction.recorded", 16,
         {"repair": "41", "kind": "write_off", "entries": [WRITE_OFF]}),
    ]  # fmt: skip


LIFE = _a_life()
# We give what we say ourselves one identity for ever, so no other tells it again.
OUTSIDE = [number for number, (slug, *_) in enumerate(LIFE) if slug != "reconcile"]
told = st.lists(st.integers(0, len(LIFE) - 1), unique=True, max_size=len(LIFE)).flatmap(
    lambda chosen: st.tuples(
        st.permutations([0, *chosen]),
        st.lists(st.sampled_from(sorted({0, *chosen} & {*OUTSIDE})), max_size=2 * len(chosen))
        .map(lambda more: [0, *chosen, *_at_most(more, MOST_TIMES - 1)])
        .flatmap(st.permutations),
        st.integers(1, 9),
    )
)


def _at_most(numbers: list[int], times: int) -> list[int]:
    return [number for number, many in Counter(numbers).items() for _ in range(min(many, times))]


def test_every_type_of_event_is_told() -> None:
    assert {type_ for _, type_, _, _ in LIFE} == set(canonical.types())


class TestAnyOrder(TestCase):
    """What is believed of an order is a function of the set of facts."""

    @settings(max_examples=25)
    @given(told)
    def test_of_telling_makes_the_same_order(
        self, telling: tuple[list[int], list[int], int]
    ) -> None:
        """Any permutation, each up to three times, in batches of any size."""
        once, again, size = telling

        assert self._tell(once, "A", 5_000) == self._tell(again, "B", size)
        assert positions_that_differ() == []

    def _tell(self, numbers: list[int], name: str, size: int) -> dict[str, Any]:
        for number in numbers:
            slug, type_, hour, data = LIFE[number]
            references = {
                field: f"{name}-{value}"
                for field, value in data.items()
                if isinstance(value, str) and field not in _NOT_NAMES
            }
            event_id = f"{number:02}-{Event.objects.count()}"
            say(slug, type_, name, later(hours=hour), received_at=NOON, event_id=event_id,
                **{**data, **references})  # fmt: skip
        while apply.take(limit=size, at=NOON):
            pass
        return believed(name)


def believed(name: str) -> dict[str, Any]:
    """Give all that follows from what was told, without the order's name and row ids."""
    order = Order.objects.get(canonical_id=name)
    entries = Entry.objects.filter(order=order, reverses__isnull=True, entry__isnull=True)
    facts = entries.values_list(
        "kind", "line", "amount_minor", "currency", "quantity", "reference", "occurred_at"
    )
    aliases = Alias.objects.filter(order=order).values_list("source__slug", "kind", "value")
    return {
        "order": Order.objects.filter(pk=order.pk).values(*COLUMNS, "state").get(),
        # Said again without a reference it is the same fact, and makes no difference.
        "facts": {
            (*about, reference.removeprefix(f"{name}-"), at) for *about, reference, at in facts
        },
        "lines": set(OrderLine.objects.filter(order=order).values_list("line", "quantity")),
        "totals": set(
            OrderTotal.objects.filter(order=order).values_list(
                "kind", "currency", "amount_minor", "own_minor"
            )
        ),
        "names": {
            (slug, kind, "" if value == name else value.removeprefix(f"{name}-"))
            for slug, kind, value in aliases
        },
    }

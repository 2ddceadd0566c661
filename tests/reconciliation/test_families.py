"""Sub-orders move by themselves, and what they are parts of follows them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import AuditEvent
from reconciliation import apply
from reconciliation.ledger import COLUMNS
from reconciliation.models import Event, Order
from reconciliation.queries import positions_that_differ
from tests.world import NOON, later, line, place, say, the_order

EUR: dict[str, Any] = {"currency": "EUR"}


def take(size: int = 5_000) -> None:
    while apply.take(limit=size, at=NOON):
        pass


def marketplace() -> None:
    """Tell of an order of two sellers: two mugs of Acme's, a lamp of Bolt's."""
    mugs, lamp = line("1", 2, 500), line("2", 1, 2000)
    place("W", total_minor=3000, lines=[mugs, lamp])
    place("W-A", parent="W", seller="Acme", total_minor=1000, lines=[mugs], confirmed=False)
    place("W-B", parent="W", seller="Bolt", total_minor=2000, lines=[lamp], confirmed=False)


def ship(order: str, name: str, quantity: int, *, parcel: str = "") -> None:
    say("carrier", "shipment.shipped", order, NOON, shipment=parcel or f"{order}-{name}",
        lines=[{"line": name, "quantity": quantity}])  # fmt: skip


def invoice() -> None:
    say("billing", "invoice.issued", "W", NOON, invoice="I", amount_minor=3000, **EUR)


def states() -> tuple[str, ...]:
    take()
    return tuple(the_order(name).state for name in ("W", "W-A", "W-B"))


@pytest.mark.django_db
class TestFamilies:
    """A whole is as far as the slowest of its open parts."""

    def test_a_partial_shipment_moves_its_sub_order_only(self) -> None:
        """And not the whole, nor the other seller's part."""
        marketplace()
        ship("W-A", "1", 2)

        assert states() == ("CONFIRMED", "FULFILLED", "CONFIRMED")
        assert the_order("W").unshipped_quantity == 1
        assert the_order("W").shipped_at is None

    def test_the_whole_is_fulfilled_with_its_last_open_part(self) -> None:
        """Whose event is the cause of both moves, the part's before the whole's."""
        marketplace()
        ship("W-A", "1", 2)
        take()
        ship("W-B", "2", 1)

        assert states() == ("FULFILLED", "FULFILLED", "FULFILLED")
        moves = AuditEvent.objects.filter(to_state="FULFILLED").order_by("pk")
        last = Event.objects.latest("pk")
        assert list(moves.values_list("subject_id", "cause_event_id"))[1:] == [
            (the_order("W-B").pk, last.pk),
            (the_order("W").pk, last.pk),
        ]

    def test_a_part_is_billed_by_an_invoice_of_the_whole(self) -> None:
        """The whole's own billing waits for its slowest part, as its fulfilment does."""
        marketplace()
        invoice()
        ship("W-A", "1", 2)

        assert states() == ("CONFIRMED", "BILLED", "CONFIRMED")

    def test_a_voided_invoice_lowers_the_parts_too(self) -> None:
        """Wholly credited is as good as none."""
        marketplace()
        invoice()
        ship("W-A", "1", 2)
        take()
        say("billing", "invoice.voided", "W", later(hours=1), invoice="I", amount_minor=3000)

        assert states() == ("CONFIRMED", "FULFILLED", "CONFIRMED")

    def test_a_cancelled_part_holds_nothing_up(self) -> None:
        """What is left of the whole is shipped, so all of it is."""
        marketplace()
        ship("W-A", "1", 2)
        say("shop", "order.cancelled", "W-B", NOON)

        assert states() == ("FULFILLED", "FULFILLED", "CANCELLED")

    def test_with_all_parts_cancelled_the_whole_is_cancelled(self) -> None:
        """And taken up again with one of them."""
        marketplace()
        for name in ("W-A", "W-B"):
            say("shop", "order.cancelled", name, NOON)
        assert states() == ("CANCELLED", "CANCELLED", "CANCELLED")

        wrong = Event.objects.filter(order_reference="W-B", type="order.cancelled").get()
        say("reconcile", "correction.recorded", "W-B", NOON, repair="1", kind="drop",
            reverses_event=wrong.pk)  # fmt: skip

        assert states() == ("CONFIRMED", "CANCELLED", "CONFIRMED")

    def test_a_part_known_alone_and_cancelled_does_not_cancel_the_rest(self) -> None:
        """The other lines of the whole are in no part yet."""
        mugs, lamp = line("1", 2, 500), line("2", 1, 2000)
        place("W", total_minor=3000, lines=[mugs, lamp])
        place("W-A", parent="W", total_minor=1000, lines=[mugs])
        say("shop", "order.cancelled", "W-A", NOON)
        take()

        assert (the_order("W").state, the_order("W-A").state) == ("CONFIRMED", "CANCELLED")

    def test_a_cancelled_whole_cancels_its_parts(self) -> None:
        """Nothing of it is to be fulfilled."""
        marketplace()
        say("shop", "order.cancelled", "W", NOON)

        assert states() == ("CANCELLED", "CANCELLED", "CANCELLED")

    def test_a_whole_paid_in_full_confirms_its_parts(self) -> None:
        """Money stays with the whole."""
        marketplace()
        Event.objects.filter(order_reference="W").update(
            data={**Event.objects.get(order_reference="W").data, "confirmed": False}
        )
        assert states() == ("CREATED", "CREATED", "CREATED")

        say("card-payments", "payment.captured", "W", NOON, payment="P", amount_minor=3000, **EUR)

        assert states() == ("CONFIRMED", "CONFIRMED", "CONFIRMED")
        assert the_order("W-A").paid_minor == 0

    def test_what_was_told_of_the_whole_is_its_parts_whose_line_it_is(self) -> None:
        """A parcel and a payout may name the whole, before the split is known or after."""
        ship("W", "1", 2, parcel="P-1")
        say("carrier", "shipment.delivered", "W", NOON, shipment="P-1")
        say("card-payments", "payout.paid", "W", NOON, payout="O", amount_minor=850, seller="Acme",
            **EUR)  # fmt: skip
        marketplace()

        assert states() == ("CONFIRMED", "FULFILLED", "CONFIRMED")
        part = the_order("W-A")
        assert (part.delivered_quantity, part.paid_out_minor) == (2, 850)
        assert (the_order("W").delivered_quantity, the_order("W").paid_out_minor) == (2, 850)
        assert the_order("W-B").paid_out_minor == 0

    def test_a_part_of_a_part_is_a_part_of_the_whole(self) -> None:
        """There are wholes and parts, and nothing between."""
        place("W")
        place("W-A", parent="W")
        place("W-A-1", parent="W-A")
        take()

        assert the_order("W-A-1").parent == the_order("W")
        assert the_order("W").part_count == 2

    def test_positions_of_families_are_what_their_facts_come_to(self) -> None:
        """And a part that is off is named."""
        marketplace()
        take()
        assert positions_that_differ() == []

        Order.objects.filter(canonical_id="W-A").update(invoiced_at=NOON)

        assert positions_that_differ() == ["W-A"]


def _a_life() -> list[tuple[str, str, str, dict[str, Any]]]:
    """All that was ever said of a family: source, type, order, data."""
    mugs, lamp, plan = line("1", 2, 500), line("2", 1, 2000), line("3", 1, 100, "activate")
    one = {"lines": [{"line": "1", "quantity": 1}]}
    return [
        ("shop", "order.created", "W", {**EUR, "total_minor": 3100, "lines": [mugs, lamp, plan]}),
        ("shop", "order.created", "W-A",
         {**EUR, "total_minor": 1000, "lines": [mugs], "parent": "W", "seller": "Acme"}),
        ("shop", "order.created", "W-B",
         {**EUR, "total_minor": 2100, "lines": [lamp, plan], "parent": "W", "seller": "Bolt"}),
        ("shop", "order.confirmed", "W", {}),
        ("shop", "order.cancelled", "W-B", {}),
        ("shop", "order.cancelled", "W-A", {}),
        ("card-payments", "payment.captured", "W", {**EUR, "payment": "P", "amount_minor": 3100}),
        ("billing", "invoice.issued", "W", {**EUR, "invoice": "I", "amount_minor": 3100}),
        ("carrier", "shipment.shipped", "W", {"shipment": "S-0", **one}),
        ("carrier", "shipment.shipped", "W-A", {"shipment": "S-1", **one}),
        ("carrier", "shipment.delivered", "W", {"shipment": "S-0"}),
        ("carrier", "shipment.shipped", "W-B",
         {"shipment": "S-2", "lines": [{"line": "2", "quantity": 1}]}),
        ("subscriptions-app", "subscription.activated", "W", {"subscription": "U"}),
        ("shop", "fulfilment.recorded", "W", {"fulfilment": "F"}),
        ("card-payments", "payout.paid", "W",
         {**EUR, "payout": "O", "amount_minor": 850, "seller": "Acme"}),
        ("card-payments", "payout.paid", "W-B", {**EUR, "payout": "Q", "amount_minor": 9}),
    ]  # fmt: skip


LIFE = _a_life()
BEGINNINGS = [0, 1, 2]
told = st.lists(st.integers(3, len(LIFE) - 1), unique=True).flatmap(
    lambda chosen: st.tuples(
        st.permutations([*BEGINNINGS, *chosen]),
        st.permutations([*BEGINNINGS, *chosen]),
        st.integers(1, 9),
    )
)


class TestAnyOrder(TestCase):
    """What is believed of a family is a function of the set of its facts."""

    @settings(max_examples=12)
    @given(told)
    def test_of_telling_makes_the_same_family(
        self, telling: tuple[list[int], list[int], int]
    ) -> None:
        """Parts before wholes, facts before the split is known, in batches of any size."""
        once, again, size = telling

        assert self._tell(once, "1", 5_000) == self._tell(again, "2", size)
        assert positions_that_differ() == []

    def _tell(self, numbers: list[int], prefix: str, size: int) -> list[dict[str, Any]]:
        for number in numbers:
            slug, type_, order, data = LIFE[number]
            named = {
                field: f"{prefix}{value}" if field in _NAMES else value
                for field, value in data.items()
            }
            say(slug, type_, f"{prefix}{order}", later(hours=number), received_at=NOON, **named)
        take(size)
        found = Order.objects.filter(canonical_id__startswith=prefix).order_by("canonical_id")
        return list(found.values(*COLUMNS, "state"))


_NAMES = {"parent", "payment", "invoice", "shipment", "subscription", "fulfilment", "payout"}

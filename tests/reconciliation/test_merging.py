"""Two orders that are one: merged by a correction, found by every name, and told apart again."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.queries import trail
from config import invariants
from reconciliation import apply, reconcile
from reconciliation.models import Alias, Discrepancy, Event, Order, Recheck
from reconciliation.queries import positions_that_differ
from tests.exceptions.people import install_product
from tests.world import NOON, later, line, place, say, the_order

pytestmark = pytest.mark.django_db


def take(at: datetime = NOON) -> None:
    while apply.take(limit=5_000, at=at):
        pass


def pay(order: str, payment: str, amount: int = 1000, **more: Any) -> Event:  # noqa: ANN401
    return say(
        "card-payments", "payment.captured", order, NOON,
        payment=payment, amount_minor=amount, currency="EUR", **more,
    )  # fmt: skip


def correct(order: str, name: str, **data: Any) -> Event:  # noqa: ANN401
    """Let the product correct an order, as a repair would."""
    body = {"repair": name, "kind": "test", "entries": [], **data}
    event = say("reconcile", "correction.recorded", order, NOON, event_id=name, **body)
    if "reverses_event" in data:
        Event.objects.filter(pk=event.pk).update(corrects=data["reverses_event"])
    return event


def merged(loser: str = "O-2", survivor: str = "O-1") -> Event:
    event = correct(survivor, f"merge-{loser}", merges=loser)
    take()
    return event


def fresh(event: Event) -> Event:
    return Event.objects.get(pk=event.pk)


@pytest.fixture(autouse=True)
def _totals_are_what_entries_come_to(db: None) -> Iterator[None]:
    yield
    assert positions_that_differ() == []


@pytest.fixture
def _installed(db: None) -> None:
    install_product()


@pytest.fixture
def two() -> None:
    """Let shop and CRM tell of one order under two names, the second with its charge."""
    place("O-1")
    place("O-2", slug="crm", total_minor=1)
    pay("O-2", "P-1")
    take()


@pytest.mark.usefixtures("two")
class TestAMerge:
    """What becomes of two orders that are one."""

    def test_counts_all_facts_on_the_one_that_stays(self) -> None:
        """The other keeps its row, counts nothing and leads on."""
        merged()

        stays, gone = the_order("O-1"), the_order("O-2")
        assert (stays.paid_minor, stays.ordered_minor) == (1000, 1000)
        assert (gone.merged_into, gone.paid_minor, gone.state) == (stays, 0, "CREATED")
        assert set(Event.objects.values_list("order", flat=True)) == {stays.pk}
        assert not Alias.objects.filter(order=gone).exists()

    def test_is_found_by_every_name_of_both(self) -> None:
        """Later facts under the other's name and its payment go to the one that stays."""
        merged()

        pay("O-2", "P-2", 5)
        say("billing", "payment.posted", "", NOON, payment="P-1", posting="L-1", amount_minor=7,
            currency="EUR")  # fmt: skip
        take()

        assert (the_order().paid_minor, the_order().posted_minor) == (1005, 7)

    def test_is_on_the_trail_and_in_the_history_of_both(self) -> None:
        """Who asks either order is told of the other."""
        merge = merged()

        for name, action in (("O-2", "order.merged"), ("O-1", "order.absorbed")):
            rows = trail(stream="order", subject_id=the_order(name).pk)
            assert rows.get(action=action).cause_event_id == merge.pk
        history = the_order("O-2").history.get(history_change_reason="order.merged")
        assert history.merged_into_id == the_order("O-1").pk

    def test_taken_back_restores_both(self) -> None:
        """What came in between goes where its names lead."""
        before = {name: _position(name) for name in ("O-1", "O-2")}
        merge = merged()
        pay("O-2", "P-2", 5)
        by_payment = pay("crm-said-7", "P-3", 6, invoice="I-9")
        say("billing", "invoice.issued", "O-2", NOON, invoice="I-9", amount_minor=3,
            currency="EUR")  # fmt: skip
        pay("O-1", "P-4", 8)
        take()
        assert the_order().paid_minor == 1019

        correct("O-1", "undo", reverses_event=merge.pk)
        take()

        assert the_order("O-2").merged_into is None
        assert (the_order("O-1").paid_minor, the_order("O-2").paid_minor) == (8, 1011)
        assert fresh(by_payment).order == the_order("O-2")
        assert _position("O-2")["ordered_minor"] == before["O-2"]["ordered_minor"]
        assert not Alias.objects.filter(merged_from__isnull=False).exists()
        late = pay("crm-said-7", "P-5", 1)
        take()
        assert fresh(late).order == the_order("O-2")

    def test_can_be_made_again_after_it_was_taken_back(self) -> None:
        """Entries are never changed, only reversed and added to."""
        merge = merged()
        correct("O-1", "undo", reverses_event=merge.pk)
        take()

        correct("O-1", "again", merges="O-2")
        take()

        assert (the_order().paid_minor, the_order("O-2").paid_minor) == (1000, 0)

    def test_clears_what_was_wrong_with_the_other_and_asks_no_more(self) -> None:
        """No check judges an order that became another."""
        install_product()
        reconcile.judge_all(at=later(days=9))
        assert Discrepancy.objects.filter(order=the_order("O-2"), cleared_at=None).exists()

        merged()

        assert not Discrepancy.objects.filter(order=the_order("O-2"), cleared_at=None).exists()
        assert not Recheck.objects.filter(order=the_order("O-2")).exists()
        assert Recheck.objects.filter(order=the_order("O-1")).exists()

    @pytest.mark.parametrize(
        ("loser", "survivor", "why"),
        [
            ("O-1", "O-1", "They are two orders"),
            ("O-2", "O-5", "Neither was merged into another"),
            ("O-1", "O-3", "No other order was merged into O-1"),
            ("O-3", "O-1", "O-3 has no sub-orders"),
            ("O-3-a", "O-1", "Both are parts of the same order, or of none"),
            ("O-4", "O-1", "Both are in the same currency"),
        ],
    )
    def test_that_makes_no_sense_is_set_aside_with_the_reason(
        self, loser: str, survivor: str, why: str
    ) -> None:
        """Nothing else is changed."""
        install_product()
        merged()
        place("O-3")
        place("O-3-a", parent="O-3")
        place("O-4", currency="USD")
        place("O-5")
        take()

        event = correct(survivor, "merge-again", merges=loser)
        take()

        assert fresh(event).status == "QUARANTINED"
        assert why in fresh(event).reasons[0]

    def test_waits_until_both_orders_are_known(self) -> None:
        """Replay may bring it first."""
        early = correct("O-8", "early", merges="O-9")
        take()
        place("O-8")
        take()
        assert fresh(early).status == "PARKED"

        place("O-9", slug="crm")
        take()

        assert the_order("O-9").merged_into == the_order("O-8")

    def test_holds_what_must_always_hold(self) -> None:
        """The minute's questions are asked of merged orders too."""
        install_product()
        merge = merged()
        assert {f.name for f in invariants.check(at=NOON) if not f.holds} == set()

        correct("O-1", "undo", reverses_event=merge.pk)
        take()

        assert {f.name for f in invariants.check(at=NOON) if not f.holds} == set()


def _position(name: str) -> dict[str, Any]:
    order = the_order(name)
    return {"ordered_minor": order.ordered_minor, "paid_minor": order.paid_minor}


@pytest.mark.usefixtures("_installed")
class TestATaughtName:
    """A correction may say what a source means by a name."""

    taught: ClassVar[dict[str, Any]] = {
        "names": [{"source": "card-payments", "kind": "order", "value": "ch-7"}]
    }

    def test_brings_home_what_waited_under_it(self) -> None:
        """And what comes under it later."""
        place()
        early = pay("ch-7", "P-1")
        take()

        correct("O-1", "link", **self.taught)
        take()
        pay("ch-7", "P-2", 5)
        take()

        assert fresh(early).status == "APPLIED"
        assert the_order().paid_minor == 1005

    def test_taken_back_leaves_what_it_brought_waiting_again(self) -> None:
        """With all that came by names that only this had taught."""
        place()
        early, refund = pay("ch-7", "P-1"), _refund("P-1")
        link = correct("O-1", "link", **self.taught)
        take()
        assert the_order().refunded_minor == 3

        correct("O-1", "undo", reverses_event=link.pk)
        take()

        assert (the_order().paid_minor, the_order().refunded_minor) == (0, 0)
        assert {fresh(early).status, fresh(refund).status} == {"PARKED"}
        assert fresh(early).order is None

    def test_can_lead_to_another_order_afterwards(self) -> None:
        """The same payment counts there, once."""
        place("O-1")
        place("O-2")
        early = pay("ch-7", "P-1")
        link = correct("O-1", "link", **self.taught)
        take()
        correct("O-1", "undo", reverses_event=link.pk)
        take()

        correct("O-2", "link-2", **self.taught)
        take()

        assert fresh(early).order == the_order("O-2")
        assert (the_order("O-1").paid_minor, the_order("O-2").paid_minor) == (0, 1000)

    def test_gives_a_part_its_whole(self) -> None:
        """A sub-order waits for the order it names as its parent."""
        place()
        part = place("O-1-a", slug="crm", parent="deal-9")
        take()

        correct("O-1", "link", names=[{"source": "crm", "kind": "order", "value": "deal-9"}])
        take()

        assert fresh(part).status == "APPLIED"
        assert the_order("O-1-a").parent == the_order()


def _told_by_all() -> list[tuple[str, str, dict[str, Any]]]:
    """Chain facts: each names the order by what only the one before has tied to it."""
    money = {"currency": "EUR", "amount_minor": 1000}
    whole = {"currency": "EUR", "total_minor": 1000, "lines": [line()]}
    deal = {"references": {"deal": "D-8"}}
    begun = {**whole, "order": "D-8", "references": {"lead": "L-4", "deal": "D-8"}}
    by_charge = {**money, "order": "", "payment": "ch_9"}
    parcel = {"order": "1001", "shipment": "p_6", "lines": [{"line": "1", "quantity": 1}]}
    paid = {**money, "order": "cart-3", "payment": "ch_9", "invoice": "I-5"}
    return [
        ("crm", "order.created", begun),
        ("shop", "order.created", {**whole, "order": "1001", **deal}),
        ("billing", "invoice.issued", {**money, "order": "", "invoice": "I-5", **deal}),
        ("card-payments", "payment.captured", paid),
        ("card-payments", "payment.refunded", {**by_charge, "refund": "re_2"}),
        ("billing", "payment.posted", {**by_charge, "posting": "L-7"}),
        ("crm", "payout.paid", {**by_charge, "payout": "po_1"}),
        ("carrier", "shipment.shipped", parcel),
        ("carrier", "shipment.delivered", {"order": "", "shipment": "p_6"}),
    ]


CHAIN = _told_by_all()


class TestAnyOrder(TestCase):
    """Names are tied as facts arrive, in whatever order."""

    @settings(max_examples=25, deadline=None)
    @given(st.permutations(range(len(CHAIN))), st.integers(1, len(CHAIN)))
    def test_of_a_chain_of_facts_makes_one_order_with_every_name(
        self, telling: list[int], size: int
    ) -> None:
        """Lead, deal, order, invoice, charge, payout line, parcel."""
        for number in telling:
            slug, type_, data = CHAIN[number]
            say(slug, type_, at=NOON, **data)
            if len(telling) % size == 0:
                apply.take(limit=size, at=NOON)
        take()

        order = Order.objects.get()
        assert set(Event.objects.values_list("status", flat=True)) == {"APPLIED"}
        assert (order.paid_minor, order.paid_out_minor, order.delivered_quantity) == (1000, 1000, 1)
        known = {(alias.kind, alias.value) for alias in Alias.objects.all()}
        assert known == {
            ("order", "D-8"), ("order", "1001"), ("order", "cart-3"), ("lead", "L-4"),
            ("deal", "D-8"), ("invoice", "I-5"), ("payment", "ch_9"), ("refund", "re_2"),
            ("posting", "L-7"), ("shipment", "p_6"),
        }  # fmt: skip
        assert positions_that_differ() == []

    @settings(max_examples=25, deadline=None)
    @given(st.permutations(range(7)), st.integers(1, 7))
    def test_of_corrections_and_facts_ends_in_the_same_orders(
        self, telling: list[int], size: int
    ) -> None:
        """A replay may shuffle a merge, what takes it back, and what they are about."""
        facts = _corrected_life()
        for event in facts:
            Event.objects.filter(pk=event.pk).update(status="CORRECTED")
        for place_, number in enumerate(telling):
            Event.objects.filter(pk=facts[number].pk).update(status="RECEIVED")
            if place_ % size == 0:
                take()
        take()

        first, second = the_order("O-1"), the_order("O-2")
        assert (first.paid_minor, first.merged_into) == (0, None)
        assert (second.paid_minor, second.merged_into) == (1000, None)
        assert second.written_off_minor == 0
        assert positions_that_differ() == []


def _corrected_life() -> list[Event]:
    """Two orders, a charge, a merge and a write-off that were both taken back."""
    first, second = place("O-1"), place("O-2", slug="crm")
    charge = pay("O-2", "P-1")
    merge = correct("O-1", "merge", merges="O-2")
    entries = [{"kind": "WRITTEN_OFF", "amount_minor": 4}]
    write_off = correct("O-2", "write-off", entries=entries)
    back = correct("O-1", "undo-merge", reverses_event=merge.pk)
    other = correct("O-2", "undo-write-off", reverses_event=write_off.pk)
    return [first, second, charge, merge, write_off, back, other]


class TestTwoOrders:
    """What is not to be taken for one order."""

    def test_of_one_source_stay_two_whatever_they_share(self) -> None:
        """A source that gives two names means two orders."""
        place("1", references={"deal": "D-8"})
        place("2", references={"deal": "D-8"})
        take()
        place("3", references={"deal": "D-8"})
        take()

        assert Order.objects.count() == 3

    def test_may_come_of_one_lead(self) -> None:
        """A lead is where both came from, not what they are."""
        place("1", slug="crm", references={"lead": "L-1"})
        place("2", slug="shop", references={"lead": "L-1"})
        take()

        assert Order.objects.count() == 2

    def test_stay_two_when_one_is_a_part_of_the_other(self) -> None:
        """A part names the deal of the whole."""
        place("1", references={"deal": "D-8"})
        place("1-a", slug="crm", parent="1", references={"deal": "D-8"})
        take()

        assert the_order("1-a").parent == the_order("1")


@pytest.mark.usefixtures("_installed")
def test_a_correction_that_cannot_be_carried_out_stands_alone() -> None:
    poison = correct("O-1", "merge", merges="O-2")
    place("O-1", currency="EUR")
    place("O-2", currency="USD", slug="crm")
    healthy = [pay("O-1", f"P-{number}") for number in range(5)]

    take()

    assert fresh(poison).status == "QUARANTINED"
    assert {fresh(event).status for event in healthy} == {"APPLIED"}
    assert the_order().paid_minor == 5000


def test_a_deep_chain_of_parts_is_made_from_its_last_to_its_first() -> None:
    deepest = place("O-4", parent="O-3")
    place("O-3", parent="O-2")
    take()
    place("O-2", parent="O-1")
    assert fresh(deepest).status == "PARKED"

    place("O-1")
    take()

    assert fresh(deepest).status == "APPLIED"
    assert the_order("O-4").parent == the_order("O-1")  # the whole, and nothing between


def _refund(payment: str) -> Event:
    return say("card-payments", "payment.refunded", "", NOON, refund="R-1", payment=payment,
               amount_minor=3, currency="EUR")  # fmt: skip

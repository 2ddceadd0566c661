"""Applying events: whatever order they come in, however often, an order ends up the same."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError

from audit.models import AuditEvent
from reconciliation import folding, people
from reconciliation.models import Alias, Discrepancy, Entry, Event, Order, Recheck, SubjectData
from tests.reconciliation.applying import bill, fresh, pay, ship, take
from tests.world import NOON, later, line, place, say, the_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("totals_stay_true")]


class TestAnOrder:
    """What one order comes to."""

    def test_begins_with_its_lines_its_names_and_its_trail(self) -> None:
        """The first event makes the order and all that belongs to it."""
        place(lines=[line("1", 2), line("2", fulfil="activate")], total_minor=3000, channel="web")

        take()

        order = the_order()
        assert (order.state, order.ordered_minor, order.currency) == ("CONFIRMED", 3000, "EUR")
        assert (order.to_ship_quantity, order.to_activate_quantity) == (2, 1)
        assert order.detail.channel == "web"
        assert Alias.objects.get(kind="order").value == "O-1"
        trail = AuditEvent.objects.filter(stream="order", subject_id=order.pk).order_by("sequence")
        assert [row.action for row in trail] == ["order.created", "order.confirmed"]
        assert [row.history_type for row in order.history.order_by("history_date")] == ["+", "~"]
        assert Recheck.objects.get(order=order).due_at == NOON

    def test_goes_through_all_its_states(self) -> None:
        """Parcel and invoice take it to Billed; Reconciled is for the checks to say."""
        place()
        ship()
        bill()
        pay()

        assert take() == 4

        order = the_order()
        assert (order.state, order.invoiced_minor, order.paid_minor) == ("BILLED", 1000, 1000)
        assert set(Event.objects.values_list("status", flat=True)) == {"APPLIED"}

    def test_keeps_an_invoice_that_comes_before_the_parcel(self) -> None:
        """The invoice counts once the parcel is there."""
        place()
        bill()
        take()
        assert the_order().state == "CONFIRMED"

        ship()
        take()

        assert the_order().state == "BILLED"

    def test_needs_every_line_shipped_in_full(self) -> None:
        """Partial shipments leave it Confirmed, and unshipped says how much."""
        place(lines=[line("1", 3), line("2", 1)])
        ship(2, "S-1", "1")
        ship(5, "S-2", "2")
        take()
        assert (the_order().state, the_order().unshipped_quantity) == ("CONFIRMED", 1)
        assert the_order().shipped_at is None

        ship(1, "S-3", "1", at=later(hours=5))
        take()

        assert (the_order().state, the_order().shipped_at) == ("FULFILLED", later(hours=5))

    def test_is_lowered_when_it_is_enlarged(self) -> None:
        """An amendment replaces the lines."""
        place()
        ship()
        take()

        say("shop", "order.amended", "O-1", later(hours=1), total_minor=2000, lines=[line("1", 2)])
        take()

        order = the_order()
        assert (order.state, order.ordered_minor, order.unshipped_quantity) == (
            "CONFIRMED",
            2000,
            1,
        )
        trail = AuditEvent.objects.filter(stream="order", subject_id=order.pk)
        assert trail.latest("sequence").action == "order.fulfilment_short"

    def test_is_not_lowered_by_a_stale_amendment(self) -> None:
        """What was said earlier, and comes later, changes nothing."""
        place()
        ship()
        take()

        say("shop", "order.amended", "O-1", later(hours=-1), total_minor=9, lines=[line("1", 9)])
        take()

        assert (the_order().state, the_order().ordered_minor) == ("FULFILLED", 1000)

    def test_believes_its_source_of_truth_over_newer_words_of_others(self) -> None:
        """The shop is the truth for orders; the CRM may only fill a gap."""
        place("O-1", slug="crm", at=later(days=1), total_minor=77)
        take()
        assert the_order().ordered_minor == 77

        place()
        take()

        assert (the_order().ordered_minor, Order.objects.count()) == (1000, 1)

    @pytest.mark.parametrize(
        ("type_", "data", "becomes"),
        [
            ("invoice.voided", {"invoice": "I-1", "amount_minor": 1000}, ("FULFILLED", None)),
            ("credit_note.issued", {"credit_note": "C-1", "amount_minor": 999}, ("BILLED", NOON)),
            ("order.cancelled", {}, ("CANCELLED", NOON)),
        ],
    )
    def test_is_moved_by_what_takes_a_fact_back(
        self, type_: str, data: dict[str, Any], becomes: tuple[str, Any]
    ) -> None:
        """A voided invoice is as good as none; a part credited is not."""
        place()
        ship()
        bill()
        take()

        say("billing", type_, "O-1", later(hours=1), **data)
        take()

        assert (the_order().state, the_order().invoiced_at) == becomes

    def test_is_active_by_the_newest_word(self) -> None:
        """Off and on again, in whatever order it is told."""
        place(lines=[line(fulfil="activate")])
        for type_, hour in [("activated", 3), ("deactivated", 2), ("activated", 1)]:
            say("subscriptions-app", f"subscription.{type_}", "O-1", later(hours=hour),
                subscription="SUB-1")  # fmt: skip
        take()

        order = the_order()
        assert (order.is_active, order.activated_at, order.state) == (
            True, later(hours=3), "FULFILLED",
        )  # fmt: skip

    def test_is_off_when_both_are_told_of_one_moment(self) -> None:
        """Undoing wins a tie."""
        place(lines=[line(fulfil="activate")])
        for type_ in ("deactivated", "activated"):
            say("subscriptions-app", f"subscription.{type_}", "O-1", NOON, subscription="SUB-1")
        take()

        assert (the_order().is_active, the_order().activated_at) == (False, None)

    def test_forgets_a_mark_or_a_posting_that_is_taken_back(self) -> None:
        """The taking back may come first."""
        place(lines=[line("1", 3)])
        say("shop", "fulfilment.unrecorded", "O-1", later(hours=2), fulfilment="F-1")
        say("shop", "fulfilment.recorded", "O-1", NOON, fulfilment="F-1")
        say("billing", "payment.posted", "O-1", NOON, posting="L-1", amount_minor=5, currency="EUR")
        take()
        assert (the_order().recorded_at, the_order().posted_at) == (None, NOON)

        say("shop", "fulfilment.recorded", "O-1", later(hours=3), fulfilment="F-2")
        say("billing", "payment.unposted", "O-1", later(hours=3), posting="L-1", amount_minor=5)
        take()

        order = the_order()
        assert (order.recorded_at, order.recorded_quantity) == (later(hours=3), 3)
        assert (order.posted_at, order.posted_minor) == (None, 0)

    def test_counts_a_whole_parcel_delivered(self) -> None:
        """A delivery without lines delivers what was shipped in that parcel."""
        place(lines=[line("1", 3)])
        ship(3, "S-1")
        say("carrier", "shipment.delivered", "O-1", later(hours=9), shipment="S-1")
        take()

        assert (the_order().delivered_quantity, the_order().delivered_at) == (3, later(hours=9))

    def test_keeps_foreign_money_apart(self) -> None:
        """Only its own currency is in its totals."""
        place()
        pay(amount=500)
        pay(payment="P-2", amount=700, currency="USD", fee_minor=9)
        take()

        order = the_order()
        assert (order.paid_minor, order.fee_minor) == (500, 0)
        assert sorted(order.totals.values_list("kind", "currency", "amount_minor")) == [
            ("FEE", "USD", 9),
            ("PAID", "USD", 700),
        ]

    def test_is_corrected_by_entries_that_name_what_they_reverse(self) -> None:
        """A correction takes all of an event back and may add entries of its own."""
        place()
        twice = pay(payment="P-2", fee_minor=30)
        pay()
        take()
        assert the_order().paid_minor == 2000

        entries = [{"kind": "WRITTEN_OFF", "amount_minor": 4}]
        say("reconcile", "correction.recorded", "O-1", later(hours=1), repair="R-1", kind="x",
            reverses_event=twice.pk, entries=entries)  # fmt: skip
        take()

        order = the_order()
        assert (order.paid_minor, order.fee_minor, order.written_off_minor) == (1000, 0, 4)
        assert Entry.objects.filter(reverses__event=twice).count() == 2

    def test_is_confirmed_by_money_in_full(self) -> None:
        """No word of confirmation is needed then."""
        place(confirmed=False)
        take()
        assert the_order().state == "CREATED"

        pay()
        take()

        assert the_order().state == "CONFIRMED"


class TestDuplicates:
    """What is said twice counts once."""

    def test_the_same_reference_again_is_a_duplicate(self) -> None:
        """Another identity, the same charge."""
        place()
        first, again = pay(), pay()

        take()

        assert fresh(again).status == "DUPLICATE"
        assert fresh(again).duplicate_of == first
        assert the_order().paid_minor == 1000

    @pytest.mark.parametrize(("seconds", "paid"), [(86_400, 1000), (86_401, 2000)])
    def test_only_inside_the_sources_window(self, seconds: int, paid: int) -> None:
        """Later it is taken for a new fact."""
        place()
        pay()
        say("card-payments", "payment.captured", "O-1", NOON, payment="P-1", amount_minor=1000,
            currency="EUR", received_at=NOON + timedelta(seconds=seconds))  # fmt: skip

        take()

        assert the_order().paid_minor == paid

    def test_a_payout_of_two_orders_is_not_said_twice(self) -> None:
        """One reference, two orders."""
        place("O-1")
        place("O-2")
        for order in ("O-1", "O-2"):
            say("billing", "payout.paid", order, NOON, payout="PO", amount_minor=9, currency="EUR")

        take()

        assert [the_order(name).paid_out_minor for name in ("O-1", "O-2")] == [9, 9]


class TestPeople:
    """Personal fields leave the event."""

    customer = {"key": "C-1", "name": "Ada Byron", "email": "ada@example.com", "company": "Engine"}

    def test_only_the_company_stays(self) -> None:
        """The rest is found under the person's own key."""
        event = place(customer=self.customer)

        take()

        assert fresh(event).data["customer"] == {"key": "C-1", "company": "Engine"}
        assert the_order().detail.customer_name == "Engine"
        assert people.fields_of("C-1") == {"name": "Ada Byron", "email": "ada@example.com"}
        assert b"Ada" not in bytes(SubjectData.objects.get().ciphertext)

    def test_the_newest_word_is_kept_under_the_same_key(self) -> None:
        """The key lives as long as the person."""
        place(customer=self.customer)
        take()
        before = bytes(SubjectData.objects.get().wrapped_key or b"")

        place("O-2", customer={**self.customer, "name": "Ada Lovelace"})
        take()

        assert people.fields_of("C-1")["name"] == "Ada Lovelace"
        assert bytes(SubjectData.objects.get().wrapped_key or b"") == before != b""

    def test_an_erased_person_stays_erased(self) -> None:
        """New orders of theirs do not bring them back."""
        place(customer=self.customer)
        take()
        SubjectData.objects.update(wrapped_key=None, ciphertext=b"", erased_at=NOON)

        place("O-2", customer=self.customer)
        take()

        assert people.fields_of("C-1") == {}
        assert the_order("O-2").detail.customer_key == "C-1"

    def test_an_address_is_no_key(self) -> None:
        """A key that is personal itself becomes a pseudonym."""
        event = place(customer={"key": "ada@example.com", "name": "Ada"})

        take()

        assert "@" not in json.dumps(fresh(event).data)
        assert people.fields_of(the_order().detail.customer_key) == {"name": "Ada"}


class TestTrouble:
    """What cannot be applied is set aside, and said."""

    @pytest.mark.usefixtures("installed")
    def test_a_poison_event_stands_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """All others of its batch are applied."""
        for number in range(9):
            place(f"O-{number}")
        poison = pay("O-4", amount=10**30)
        healthy = pay("O-5")

        assert take() == 11

        assert fresh(poison).status == "QUARANTINED"
        assert fresh(poison).reasons
        assert Discrepancy.objects.get().event == poison
        assert fresh(healthy).status == "APPLIED"

    @pytest.mark.usefixtures("installed")
    def test_an_event_that_makes_no_sense_is_quarantined(self) -> None:
        """With a reason for a reader."""
        senseless = place(lines=[line("1"), line("1")])

        take()

        assert fresh(senseless).reasons == ["Two lines of the order have the same name."]

    @pytest.mark.usefixtures("installed")
    def test_waiting_too_long_is_reported_once_and_cleared_by_the_order(self) -> None:
        """It goes on waiting."""
        orphan = pay()
        take()
        assert take(later(hours=47)) == 0
        assert take(later(hours=48)) == 1
        assert take(later(hours=49)) == 0
        report = Discrepancy.objects.get(event=orphan, check_name="event_parked_too_long")
        assert (report.at_risk_minor, report.cleared_at) == (1000, None)

        place()
        take(later(hours=50))
        take(later(hours=50))

        report.refresh_from_db()
        assert report.cleared_at == later(hours=50)

    def test_a_lost_connection_quarantines_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The batch comes again."""
        event = place()

        def fail(*_: object, **__: object) -> None:
            raise DatabaseError("deadlock detected")

        monkeypatch.setattr(folding, "advance", fail)
        with pytest.raises(DatabaseError):
            take()

        assert fresh(event).status == "RECEIVED"
        assert Order.objects.count() == 0

"""What is said again under another identity: linked, counted once, and set apart by a person."""

from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import AuditEvent
from reconciliation import apply, duplicates
from reconciliation.models import Event, Order
from reconciliation.queries import positions_that_differ
from tests.exceptions.people import person
from tests.world import NOON, later, line, place, say, source, the_order

WINDOW = 86_400  # seconds; a source's default


def take(limit: int = 5_000) -> None:
    while apply.take(limit=limit, at=NOON):
        pass


def pay(received_at: datetime = NOON, *, payment: str = "P-1", amount: int = 100) -> Event:
    return say(
        "card-payments", "payment.captured", "O-1", NOON, received_at=received_at,
        payment=payment, amount_minor=amount, currency="EUR",
    )  # fmt: skip


def parcel(type_: str, *lines: str, shipment: str = "S-1") -> Event:
    told: dict[str, Any] = (
        {"lines": [{"line": name, "quantity": 1} for name in lines]} if lines else {}
    )
    return say("carrier", f"shipment.{type_}", "O-1", NOON, shipment=shipment, **told)


def fresh(event: Event) -> Event:
    return Event.objects.get(pk=event.pk)


@pytest.mark.django_db
class TestTheWindow:
    """The same reference and type from one source, received within its window."""

    @pytest.mark.parametrize(
        ("seconds", "status"), [(WINDOW, "DUPLICATE"), (WINDOW + 1, "APPLIED")]
    )
    def test_ends_to_the_second(self, seconds: int, status: str) -> None:
        """One second more, and it counts again."""
        place()
        first, again = pay(), pay(later(seconds=seconds))
        take()

        assert fresh(again).status == status
        assert fresh(again).duplicate_of_id == (first.pk if status == "DUPLICATE" else None)
        assert the_order().paid_minor == (100 if status == "DUPLICATE" else 200)

    def test_is_kept_open_by_what_is_said_again(self) -> None:
        """A source that repeats itself daily is not believed every second day."""
        place()
        first, *again = (pay(later(seconds=number * (WINDOW - 1))) for number in range(4))
        take(limit=1)

        assert {fresh(event).duplicate_of_id for event in again} == {first.pk}
        assert the_order().paid_minor == 100

    def test_of_no_length_links_nothing(self) -> None:
        """Then every identity is a fact of its own."""
        carded = source("card-payments")
        carded.dedupe_window_seconds = 0
        carded.save()
        place()
        pay()
        pay()
        take()

        assert the_order().paid_minor == 200

    def test_is_one_sources_own(self) -> None:
        """Two systems that name one payment make two entries; the duplicate check judges them."""
        place()
        pay()
        say("billing", "payment.captured", "O-1", NOON, payment="P-1", amount_minor=100,
            currency="EUR")  # fmt: skip
        take()

        assert the_order().paid_minor == 200

    def test_different_references_are_always_two(self) -> None:
        """However alike they are otherwise."""
        place()
        pay(payment="P-1")
        pay(payment="P-2")
        take()

        assert the_order().paid_minor == 200

    def test_without_a_reference_nothing_is_linked(self) -> None:
        """It cannot be known, so a person decides."""
        place()
        for _ in range(2):
            say("card-payments", "payment.captured", "O-1", NOON, amount_minor=100, currency="EUR")
        take()

        assert the_order().paid_minor == 200
        assert not Event.objects.filter(status="DUPLICATE").exists()

    def test_a_repetition_of_what_could_not_be_applied_counts(self) -> None:
        """The first said nothing."""
        place()
        first, again = pay(), pay()
        Event.objects.filter(pk=first.pk).update(status="QUARANTINED")
        take()

        assert fresh(again).status == "APPLIED"


@pytest.mark.django_db
class TestParcels:
    """Parcels told of line by line."""

    @pytest.fixture(autouse=True)
    def _order(self) -> None:
        place(lines=[line("1"), line("2")])

    @pytest.mark.parametrize("type_", ["shipped", "delivered"])
    def test_the_same_lines_again_count_once(self, type_: str) -> None:
        """Under any number of new ids, in any order of lines."""
        parcel(type_, "1", "2")
        parcel(type_, "2", "1")
        parcel(type_, "1")
        take()

        assert getattr(the_order(), f"{type_}_quantity") == 2

    @pytest.mark.parametrize("type_", ["shipped", "delivered"])
    def test_a_line_not_told_of_before_is_a_part_of_its_own(self, type_: str) -> None:
        """One parcel may be told of in parts, each of them again."""
        for name in ("1", "2", "1", "2"):
            parcel(type_, name)
        take(limit=3)

        assert getattr(the_order(), f"{type_}_quantity") == 2
        assert Event.objects.filter(status="DUPLICATE").count() == 2

    def test_a_parcel_delivered_whole_counts_no_part_of_it_twice(self) -> None:
        """What was told of its parts before is in it."""
        parcel("delivered", "1")
        parcel("shipped", "1", "2")
        parcel("delivered")
        take()

        assert the_order().delivered_quantity == 2
        assert positions_that_differ() == []


class TestAnyTelling(TestCase):
    """Repetitions count once, whenever and however they come."""

    @settings(max_examples=40, deadline=None)
    @given(
        gaps=st.lists(
            st.sampled_from([0, 1, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW]), max_size=6
        ),
        multiplicity=st.integers(1, 3),
        limit=st.integers(1, 7),
        names=st.randoms(use_true_random=False),
    )
    def test_counts_as_often_as_the_window_had_closed(
        self, gaps: list[int], multiplicity: int, limit: int, names: Random
    ) -> None:
        """In batches of any size, under ids in any order, each any number of times."""
        offsets = [sum(gaps[:number]) for number in range(len(gaps) + 1)]
        moments = [later(seconds=offset) for offset in offsets for _ in range(multiplicity)]
        ids = [f"e-{number}" for number in range(len(moments))]
        names.shuffle(ids)
        place()
        for moment, event_id in zip(moments, ids, strict=True):
            say("card-payments", "payment.captured", "O-1", NOON, received_at=moment,
                event_id=event_id, payment="P-1", amount_minor=100, currency="EUR")  # fmt: skip
        take(limit)

        closed = sum(b - a > timedelta(seconds=WINDOW) for a, b in pairwise(moments))
        assert the_order().paid_minor == 100 * (1 + closed)
        roots = set(
            Event.objects.filter(status="DUPLICATE").values_list("duplicate_of__status", flat=True)
        )
        assert roots <= {"APPLIED"}
        assert positions_that_differ() == []


FACTS: list[tuple[str, int, dict[str, Any]]] = [
    ("payment.captured", 0, {"payment": "P-1", "amount_minor": 900, "fee_minor": 20}),
    ("payment.captured", 1, {"payment": "P-2", "amount_minor": 100, "fee_minor": 5}),
    ("settlement.finalised", 2, {"settlement": "T-1", "payment": "P-1", "gross_minor": 900,
                                 "fee_minor": 23, "net_minor": 877}),
]  # fmt: skip
UNNAMED: tuple[str, int, dict[str, Any]] = (
    "settlement.finalised",
    2,
    {"settlement": "T-9", "gross_minor": 1000, "fee_minor": 30, "net_minor": 970},
)
LATE: tuple[str, int, dict[str, Any]] = (
    "payment.captured",
    3,
    {"payment": "P-3", "amount_minor": 50, "fee_minor": 2},
)


class TestFees(TestCase):
    """A fee is counted once: as the capture estimates it, then as the settlement states it."""

    def _fee(self, facts: list[tuple[str, int, dict[str, Any]]]) -> int:
        place()
        for type_, hour, data in facts:
            say("card-payments", type_, "O-1", later(hours=hour), received_at=NOON,
                currency="EUR", **data)  # fmt: skip
        take()
        return the_order().fee_minor

    @settings(max_examples=15, deadline=None)
    @given(st.permutations([*FACTS, FACTS[0], FACTS[2]]))
    def test_the_settlement_of_a_payment_replaces_that_payments_fee(
        self, facts: list[tuple[str, int, dict[str, Any]]]
    ) -> None:
        """The other payment's stays, in whatever order they come and however often."""
        assert self._fee(facts) == 23 + 5
        assert positions_that_differ() == []

    @settings(max_examples=15, deadline=None)
    @given(st.permutations([FACTS[0], FACTS[1], UNNAMED, LATE]))
    def test_a_settlement_that_names_no_payment_is_of_all_that_was_taken_before(
        self, facts: list[tuple[str, int, dict[str, Any]]]
    ) -> None:
        """What is taken later has its own fee."""
        assert self._fee(facts) == 30 + 2

    def test_a_settlement_without_a_fee_states_that_there_is_none(self) -> None:
        """Nothing is a statement, too."""
        free = (UNNAMED[0], UNNAMED[1], {**UNNAMED[2], "fee_minor": 0})

        assert self._fee([FACTS[0], free]) == 0

    def test_a_settlement_taken_back_leaves_the_estimate(self) -> None:
        """Its own fee goes with it."""
        self._fee([FACTS[0], UNNAMED])
        settled = Event.objects.get(type="settlement.finalised")

        say("reconcile", "correction.recorded", "O-1", later(hours=9), repair="R", kind="x",
            reverses_event=settled.pk, entries=[])  # fmt: skip
        take()

        assert the_order().fee_minor == 20

    def test_in_another_currency_it_is_counted_once_as_well(self) -> None:
        """The order's totals in other currencies follow the same rule."""
        place()
        for type_, hour, data in (FACTS[0], UNNAMED):
            currency = "USD" if type_ == "settlement.finalised" else "EUR"
            say("card-payments", type_, "O-1", later(hours=hour), received_at=NOON,
                currency=currency, **data)  # fmt: skip
        take()

        fees = the_order().totals.filter(kind="FEE").values_list("currency", "amount_minor")
        assert (the_order().fee_minor, list(fees)) == (0, [("USD", 30)])


@pytest.mark.django_db
class TestNotADuplicate:
    """A person may say that it is none."""

    def test_what_is_set_apart_counts(self) -> None:
        """It is applied anew, stays so, and the trail says who said it."""
        olga, again = self._twice()

        duplicates.set_apart(event_id=again.pk, by=olga, at=later(hours=1))
        take()

        row = AuditEvent.objects.get(action="event.set_apart")
        assert (fresh(again).status, fresh(again).duplicate_of) == ("APPLIED", None)
        assert the_order().paid_minor == 200
        assert (row.stream, row.subject_id, row.actor) == ("order", the_order().pk, "olga")
        assert row.cause_event_id == again.pk

    def test_what_repeats_it_is_still_a_repetition(self) -> None:
        """Only this one was spoken of."""
        olga, again = self._twice()
        third = pay()

        duplicates.set_apart(event_id=again.pk, by=olga, at=NOON)
        take()

        assert fresh(third).status == "DUPLICATE"

    def test_before_its_order_is_known_it_waits_for_it(self) -> None:
        """The trail is the source's then."""
        olga, again = self._twice(is_known=False)

        duplicates.set_apart(event_id=again.pk, by=olga, at=NOON)
        take()
        assert AuditEvent.objects.get(action="event.set_apart").stream == "source"
        assert fresh(again).status == "PARKED"

        place()
        take()
        assert the_order().paid_minor == 200

    def test_only_a_duplicate_can_be_set_apart(self) -> None:
        """Twice is once too often."""
        olga, again = self._twice()
        duplicates.set_apart(event_id=again.pk, by=olga, at=NOON)

        with pytest.raises(duplicates.CannotSetApart):
            duplicates.set_apart(event_id=again.pk, by=olga, at=NOON)
        assert AuditEvent.objects.filter(action="event.set_apart").count() == 1

    def test_readers_may_not(self) -> None:
        """Nothing changes then."""
        _, again = self._twice()

        with pytest.raises(duplicates.NotAllowed):
            duplicates.set_apart(event_id=again.pk, by=person("ada", "Auditor", team=""), at=NOON)
        assert fresh(again).status == "DUPLICATE"

    def _twice(self, *, is_known: bool = True) -> tuple[User, Event]:
        if is_known:
            place()
        pay()
        again = pay()
        take()
        assert fresh(again).status == "DUPLICATE"
        assert Order.objects.count() == is_known
        return person("olga", "Operator", team=""), again


@pytest.mark.django_db
class TestThePages:
    """Where a person sees it, and says so."""

    @pytest.fixture
    def again(self) -> Event:
        """Give an event that repeats another with another amount."""
        place()
        pay()
        again = pay(amount=110)
        take()
        return again

    def _as(self, *roles: str) -> Client:
        client = Client()
        client.force_login(
            person("olga", *roles, team=""), backend="django.contrib.auth.backends.ModelBackend"
        )
        return client

    def test_the_event_says_what_it_repeats_and_how_it_differs(self, again: Event) -> None:
        """And has the button."""
        page = self._as("Operator").get(f"/events/{again.pk}/").content.decode()

        assert "It differs in amount_minor." in page
        assert "Not a duplicate</button>" in page

    def test_a_reader_sees_no_button(self, again: Event) -> None:
        """On neither page."""
        auditor = self._as("Auditor")

        for url in (f"/events/{again.pk}/", "/orders/O-1/"):
            assert "Not a duplicate</button>" not in auditor.get(url).content.decode()

    def test_the_button_counts_it_and_leads_back(self, again: Event) -> None:
        """From the order's timeline to the order."""
        olga = self._as("Operator")
        url = f"/events/{again.pk}/not-a-duplicate/"
        assert url in olga.get("/orders/O-1/").content.decode()

        answer = olga.post(url, {"back": "order"})
        take()

        assert (answer.status_code, answer["Location"]) == (303, "/orders/O-1/")
        assert the_order().paid_minor == 210
        assert "Said to be no duplicate" in olga.get("/orders/O-1/").content.decode()
        assert "a fact of its own" in olga.get(f"/events/{again.pk}/").content.decode()
        assert olga.post(url).status_code == 409

"""Money in other currencies: what it comes to in the order's, against fractions in plain Python."""

import random
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from reconciliation import apply
from reconciliation.ledger import COLUMNS
from reconciliation.models import Order, OrderTotal
from reconciliation.money import as_rate
from reconciliation.normalise import Unreadable, read
from reconciliation.queries import positions_that_differ
from reconciliation.settlements import settlements_of
from tests.world import NOON, later, place, say, the_order

_DIGITS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}

currencies = st.permutations(list(_DIGITS)).map(lambda each: each[:2])
rates = st.decimals("0.0001", "300", places=6).map(lambda rate: f"{rate.normalize():f}")
lives = st.tuples(
    currencies, rates, st.integers(0, 10**9), st.integers(0, 10**6), st.integers(-999, 999)
)


def rounded(parts: list[Fraction]) -> list[int]:
    """Round the whole half up, and the parts by largest remainder; equal ones are alike."""
    floors = [floor(part) for part in parts]
    more = floor(sum(parts) + Fraction(1, 2)) - sum(floors)
    by_rest = sorted(range(len(parts)), key=lambda n: parts[n] - floors[n], reverse=True)
    return [whole + (n in by_rest[:more]) for n, whole in enumerate(floors)]


def scale(own: str, other: str) -> Fraction:
    return Fraction(10) ** (_DIGITS[own] - _DIGITS[other])


class TestConversion(TestCase):
    """What a settlement states decides what foreign money is worth."""

    @settings(max_examples=12)
    @given(st.lists(lives, min_size=4, max_size=8), st.randoms(use_true_random=False))
    def test_of_what_is_settled_in_another_currency(
        self, told: list[tuple[Any, ...]], dice: random.Random
    ) -> None:
        """Net and fee are parts of one whole, to the last minor unit, in any order of facts."""
        for number, ((own, other), rate, gross, fee, short) in enumerate(told):
            name, net = f"A-{number}", gross - fee - short
            facts = [
                ("payment.captured", {"payment": f"P-{number}", "amount_minor": 5,
                                      "currency": own, "fee_minor": 1}),
                ("settlement.pending", {"settlement": f"S-{number}", "gross_minor": 1,
                                        "fee_minor": 0, "net_minor": 1, "currency": other}),
                ("settlement.finalised", {"settlement": f"S-{number}", "payment": f"P-{number}",
                                          "gross_minor": gross, "fee_minor": fee,
                                          "net_minor": net, "currency": other, "rate": rate}),
            ]  # fmt: skip
            _tell(name, own, facts, dice)

        apply.take(limit=5_000, at=NOON)

        assert positions_that_differ() == []
        for number, ((own, other), rate, gross, fee, short) in enumerate(told):
            order, each = the_order(f"A-{number}"), scale(own, other) / Fraction(rate)
            net_own, fee_own = rounded([(gross - fee - short) * each, fee * each])
            if not fee:  # no entry, and so no part
                net_own, fee_own = rounded([(gross - short) * each])[0], 0
            found = (order.settled_minor + order.fee_minor, order.settled_gross_minor)
            assert found == (net_own + fee_own, rounded([gross * each])[0])
            assert abs(order.settled_minor - net_own) <= 1  # where both rests are equal
            assert (order.paid_minor, order.settling_since_at) == (5, None)
            if not short:
                assert order.settled_minor + order.fee_minor == order.settled_gross_minor

    @settings(max_examples=12)
    @given(st.lists(lives, min_size=4, max_size=8), st.randoms(use_true_random=False))
    def test_of_what_was_paid_in_another_currency(
        self, told: list[tuple[Any, ...]], dice: random.Random
    ) -> None:
        """Two charges under one rate add up to what both come to."""
        for number, ((own, other), rate, first, second, _) in enumerate(told):
            paid = {"currency": other, "order": f"B-{number}"}
            facts = [
                ("payment.captured", {**paid, "payment": f"P-{number}", "amount_minor": first}),
                ("payment.captured", {**paid, "payment": f"Q-{number}", "amount_minor": second}),
                ("settlement.finalised", {"settlement": f"S-{number}", "gross_minor": 9,
                                          "fee_minor": 0, "net_minor": 9, "currency": own,
                                          "rate": rate}),
            ]  # fmt: skip
            _tell(f"B-{number}", own, facts, dice)

        apply.take(limit=5_000, at=NOON)

        assert positions_that_differ() == []
        for number, ((own, other), rate, first, second, _) in enumerate(told):
            whole = rounded([(first + second) * Fraction(rate) * scale(own, other)])[0]
            order = the_order(f"B-{number}")
            (total,) = OrderTotal.objects.filter(order=order)
            assert (order.paid_minor, order.unconverted_since_at) == (whole, None)
            assert (total.amount_minor, total.own_minor) == (first + second, whole)


def _tell(
    name: str, own: str, facts: list[tuple[str, dict[str, Any]]], dice: random.Random
) -> None:
    dice.shuffle(facts)
    at = dice.randrange(len(facts) + 1)
    for place_of, (type_, data) in enumerate([*facts, ("", {})]):
        if place_of == at:
            place(name, later(hours=-1), currency=own)
        if type_:
            data.pop("order", None)
            say("card-payments", type_, name, later(hours=1), **data)


@pytest.mark.django_db
def test_what_no_settlement_states_a_rate_for_is_not_converted() -> None:
    place("A-1")
    say("card-payments", "payment.captured", "A-1", NOON, payment="P", amount_minor=900,
        currency="USD")  # fmt: skip
    settled: dict[str, Any] = {
        "settlement": "S",
        "gross_minor": 800,
        "fee_minor": 10,
        "net_minor": 790,
    }
    say("card-payments", "settlement.finalised", "A-1", NOON, currency="GBP", rate="0.8", **settled)

    apply.take(limit=10, at=NOON)

    order = the_order("A-1")
    assert (order.paid_minor, order.settled_minor, order.unconverted_since_at) == (0, 0, NOON)
    assert set(OrderTotal.objects.values_list("own_minor", flat=True)) == {None}


@pytest.mark.django_db
def test_a_settlement_that_is_taken_back_takes_its_rate_along() -> None:
    place("A-1")
    say("card-payments", "payment.captured", "A-1", NOON, payment="P", amount_minor=900,
        currency="USD")  # fmt: skip
    final = say(
        "card-payments", "settlement.finalised", "A-1", NOON, settlement="S", payment="P",
        currency="EUR", rate="0.9", gross_minor=810, fee_minor=10, net_minor=800,
    )  # fmt: skip
    apply.take(limit=10, at=NOON)
    assert the_order("A-1").paid_minor == 810

    say("reconcile", "correction.recorded", "A-1", NOON, repair="1", kind="undo", entries=[],
        reverses_event=final.pk)  # fmt: skip
    apply.take(limit=10, at=NOON)

    assert (the_order("A-1").paid_minor, the_order("A-1").settled_minor) == (0, 0)
    assert positions_that_differ() == []


@pytest.mark.django_db
def test_totals_that_were_changed_by_hand_are_found() -> None:
    place("A-1")
    say("card-payments", "payment.captured", "A-1", NOON, payment="P", amount_minor=900,
        currency="USD")  # fmt: skip
    apply.take(limit=10, at=NOON)

    OrderTotal.objects.update(own_minor=1)

    assert positions_that_differ() == ["A-1"]


@pytest.mark.django_db
def test_settlements_are_told_with_both_currencies_and_the_rate() -> None:
    place("A-1", currency="JPY")
    say("card-payments", "payment.captured", "A-1", NOON, payment="P", amount_minor=10_000,
        currency="JPY")  # fmt: skip
    said: dict[str, Any] = {
        "settlement": "S", "payment": "P", "gross_minor": 6_139, "fee_minor": 208,
        "net_minor": 5_931, "currency": "EUR", "rate": "0.006139",
    }  # fmt: skip
    say("card-payments", "settlement.pending", "A-1", NOON, **said)
    apply.take(limit=10, at=NOON)
    (pending,) = settlements_of(the_order("A-1"))
    say("card-payments", "settlement.finalised", "A-1", later(days=3), **said)
    apply.take(limit=10, at=NOON)

    (final,) = settlements_of(the_order("A-1"))

    assert (pending.is_final, pending.net, final.is_final) == (False, (5_931, None), True)
    assert (final.gross, final.fee, final.net) == ((6_139, 10_000), (208, 339), (5_931, 9_661))
    assert (final.rate, final.currency, final.withheld_minor) == ("0.006139", "EUR", 0)


@pytest.mark.parametrize("rate", ["1.0842", "0.006139", 1.5, 7, "300"])
def test_a_rate_is_read_as_it_is_stated(rate: object) -> None:
    assert as_rate(rate) is not None


@pytest.mark.parametrize("rate", ["0", "0.000", "-1", "1,08", "1e3", "abc", "", True])
def test_a_settlement_whose_rate_is_none_is_not_understood(rate: object) -> None:
    said = {"order": "A", "settlement": "S", "gross_minor": 1, "fee_minor": 0, "net_minor": 1,
            "currency": "EUR", "rate": rate}  # fmt: skip

    with pytest.raises(Unreadable):
        read(type_="settlement.finalised", data=said)


@pytest.mark.django_db
def test_every_column_of_a_position_is_one_of_the_order() -> None:
    assert set(COLUMNS) <= {field.name for field in Order._meta.concrete_fields}

"""Cases of one cause find each other: by the same difference, or by one silent source."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from exceptions import causes, intake, queries
from exceptions.models import Case, CaseSign
from exceptions.rows import GroupRow
from reconciliation.clock import now
from reconciliation.models import Alias, Discrepancy, Order, Source, Team
from tests.exceptions.people import WEDNESDAY, broken, fresh, operator


def off(order: str, *, expected: int, actual: int, check: str = "paid_vs_invoiced") -> Case:
    """Let a check find two amounts that differ, and a case be opened for it."""
    found = broken(check, order=order)
    Discrepancy.objects.filter(pk=found.pk).update(expected_minor=expected, actual_minor=actual)
    intake.take(limit=10, at=WEDNESDAY)
    return Case.objects.get(discrepancy=found)


def causes_of(*some: Case) -> set[str]:
    return {fresh(case).cause for case in some}


def test_the_same_amount_off_is_one_cause_and_the_third_makes_the_group(installed: None) -> None:
    first = off("G-1", expected=1_000, actual=970)
    second = off("G-2", expected=7_700, actual=7_670)
    assert causes_of(first, second) == {""}

    third = off("G-3", expected=123_456, actual=123_426)

    assert causes_of(first, second, third) == {"amount:paid_vs_invoiced:EUR:-30"}


def test_the_same_percentage_off_is_one_cause_whatever_the_amounts(installed: None) -> None:
    some = [off(f"P-{n}", expected=n * 1_000, actual=n * 971) for n in (1, 2, 7)]

    assert causes_of(*some) == {"percent:paid_vs_invoiced:-2.9"}


def test_a_new_member_joins_by_itself_and_leaves_when_it_is_settled(installed: None) -> None:
    some = [off(f"G-{n}", expected=1_000 * n, actual=1_000 * n - 30) for n in (1, 2, 3, 4)]
    olga = operator(team="revenue-ops")
    assert [each.number for each in groups(olga)] == [4]

    Discrepancy.objects.filter(case=some[0]).update(cleared_at=WEDNESDAY)
    intake.take(limit=10, at=WEDNESDAY)

    assert [each.number for each in groups(olga)] == [3]


def groups(user: User) -> list[GroupRow]:
    return queries.groups(user=user, at=now(), filters=[])


def test_nothing_at_all_is_no_percentage_and_another_check_another_cause(installed: None) -> None:
    off("Z-1", expected=1_000, actual=0)
    off("Z-2", expected=900, actual=870, check="paid_vs_settled")

    assert set(CaseSign.objects.values_list("sign", flat=True)) == {
        "amount:paid_vs_invoiced:EUR:-1000",
        "amount:paid_vs_settled:EUR:-30",
        "percent:paid_vs_settled:-3.3",
    }


def test_whole_days_apart_and_a_name_with_something_added_are_patterns(installed: None) -> None:
    late = broken(order="D-1")
    late.details = {
        "invoiced_at": WEDNESDAY.isoformat(),
        "paid_at": (WEDNESDAY + timedelta(days=1)).isoformat(),
    }
    late.save()
    named = broken("event_parked_too_long", order="SO-1")
    Alias.objects.create(
        source=Source.objects.first(), kind="order", value="SO-1",
        order=Order.objects.get(canonical_id="SO-1"),
    )  # fmt: skip
    named.details = {"order": "SO-1-B"}
    named.save()

    intake.take(limit=10, at=WEDNESDAY)

    assert set(CaseSign.objects.values_list("sign", flat=True)) == {
        "days:invoice_sent_not_active:1",
        "suffix:event_parked_too_long:-B",
    }


def test_what_waits_for_a_silent_source_is_one_cause_when_it_falls_silent(installed: None) -> None:
    for number in range(3):
        broken("invoice_sent_not_active", order=f"S-{number}")
    intake.take(limit=10, at=WEDNESDAY)
    assert not Case.objects.exclude(cause="").exists()

    Discrepancy.objects.create(
        check_name="source_silent", rulebook_version=1, opened_at=WEDNESDAY, last_seen_at=WEDNESDAY,
        source=Source.objects.get(slug="subscriptions-app"), team=Team.objects.get(slug="platform"),
        details={"since": WEDNESDAY.isoformat()},
    )  # fmt: skip
    intake.take(limit=10, at=WEDNESDAY)

    waiting = Case.objects.filter(check_name="invoice_sent_not_active")
    assert set(waiting.values_list("cause", flat=True)) == {"silent:subscriptions-app"}


@pytest.mark.parametrize(
    ("sign", "words"),
    [
        ("amount:x_y:EUR:-30", "X y, each €0.30 less"),
        ("percent:x_y:2.9", "X y, each 2.9 % more"),
        ("days:x_y:1", "X y, each one day apart"),
        ("suffix:x_y:-B", "X y, each with “-B” after the order's name"),
    ],
)
def test_a_cause_is_said_in_words(db: None, sign: str, words: str) -> None:
    assert causes.words_of(sign) == words


@given(amount=st.integers(-(10**12), 10**12))
def test_an_amount_is_said_without_its_sign(amount: int) -> None:
    said = causes._amount(f"EUR:{amount}")

    assert "-" not in said
    assert said.endswith("less" if amount < 0 else "more")

"""Cash told of twice: nothing links the two by itself, and one click drops one of them."""

from datetime import timedelta

import pytest

from exceptions import repair
from exceptions.models import Case, RepairAttempt
from exceptions.repairs.plan import Plan, Refusal
from tests.exceptions.people import operator
from tests.world import NOON, place, say, settle, the_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
LATER = NOON + timedelta(hours=1)


def paid_twice(*names: str) -> Case:
    """Let an order of 10.00 be paid twice, under these names of the payment or none."""
    place()
    for number, name in enumerate(names):
        named = {"payment": name} if name else {}
        say("card-payments", "payment.captured", "O-1", NOON + timedelta(minutes=number),
            amount_minor=1000, currency="EUR", received_at=NOON, **named)  # fmt: skip
    settle(LATER)
    return Case.objects.get(check_name="paid_twice", closed_at=None)


def test_two_payments_without_a_name_are_proposed_as_one() -> None:
    case = paid_twice("", "")

    plan = repair.preview(case_id=case.pk, kind="drop_duplicate")

    assert isinstance(plan, Plan)
    assert plan.is_possible
    assert the_order().paid_minor == 2000  # nothing was linked by itself


def test_dropping_one_settles_the_case_and_undoing_it_brings_it_back() -> None:
    case = paid_twice("", "")
    olga = operator(team="revenue-ops")
    plan = repair.preview(case_id=case.pk, kind="drop_duplicate")
    assert isinstance(plan, Plan)

    repair.run(case_id=case.pk, kind="drop_duplicate", plan_sha256=plan.sha256(),
               idempotency_key="form", by=olga, at=LATER)  # fmt: skip
    settle(LATER)

    case.refresh_from_db()
    assert (case.state, the_order().paid_minor) == ("SETTLED", 1000)

    repair.undo(attempt_id=RepairAttempt.objects.get().pk, by=olga, at=LATER)
    settle(LATER)
    assert the_order().paid_minor == 2000
    assert Case.objects.filter(check_name="paid_twice", closed_at=None).exists()


@pytest.mark.parametrize("names", [("P-1", "P-2"), ("P-1", "")])
def test_what_has_a_name_of_its_own_is_never_dropped(names: tuple[str, str]) -> None:
    case = paid_twice(*names)

    assert isinstance(repair.preview(case_id=case.pk, kind="drop_duplicate"), Refusal)

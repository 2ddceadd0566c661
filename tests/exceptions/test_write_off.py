"""Inside repairs: a correction of our own, and its reversal."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exceptions import repair
from exceptions.models import Case, RepairAttempt
from exceptions.permissions import NotAllowed
from exceptions.repairs.plan import Plan
from reconciliation.models import Entry, Event, Order
from tests.exceptions.people import lead, operator
from tests.world import NOON, line, place, say, settle, the_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
LATER = NOON + timedelta(days=4)
MONEY = [field.name for field in Order._meta.fields if field.name.endswith("_minor")]


def short_paid(missing_minor: int, *, order: str = "O-1") -> Case:
    """Leave an invoice short by so much, past the three days that it has."""
    place(order, NOON, lines=[line()])
    say("carrier", "shipment.shipped", order, NOON, shipment=f"P-{order}",
        lines=[{"line": "1", "quantity": 1}])  # fmt: skip
    say("shop", "fulfilment.recorded", order, NOON, fulfilment=f"F-{order}")
    say("billing", "invoice.issued", order, NOON, invoice=f"I-{order}", amount_minor=1000,
        currency="EUR")  # fmt: skip
    say("card-payments", "payment.captured", order, NOON, payment=f"C-{order}",
        amount_minor=1000 - missing_minor, currency="EUR")  # fmt: skip
    say("billing", "payment.posted", order, NOON, posting=f"J-{order}",
        amount_minor=1000 - missing_minor, currency="EUR")  # fmt: skip
    settle(NOON)
    settle(LATER)
    return Case.objects.get(order__canonical_id=order)


def totals(order: str = "O-1") -> dict[str, int]:
    return dict(Order.objects.values(*MONEY).get(canonical_id=order))


def run(
    case: Case, *, by: User, key: str = "form", approved_by: User | None = None
) -> RepairAttempt:
    plan = repair.preview(case_id=case.pk, kind="write_off")
    assert isinstance(plan, Plan)
    return repair.run(
        case_id=case.pk, kind="write_off", plan_sha256=plan.sha256(), idempotency_key=key,
        by=by, at=LATER, reason="Too small to chase", approved_by=approved_by,
    )  # fmt: skip


def test_a_small_difference_is_written_off_by_itself() -> None:
    case = short_paid(50)

    assert (case.state, case.closed_by) == ("SETTLED", "service:repair")
    assert the_order().written_off_minor == 50
    event = Event.objects.get(type="correction.recorded")
    assert event.source.slug == "reconcile"


def test_above_the_limit_a_lead_decides() -> None:
    case = short_paid(101)
    assert case.state == "NEW"

    with pytest.raises(NotAllowed, match="Team lead"):
        run(case, by=operator(team="revenue-ops"))
    run(case, by=lead(team="revenue-ops"), approved_by=lead("lia", team="revenue-ops"))
    settle(LATER)

    case.refresh_from_db()
    assert (case.state, case.closed_by) == ("SETTLED", "lena")


def test_an_undone_write_off_breaks_the_check_again_for_people() -> None:
    short_paid(50)
    olga = operator(team="revenue-ops")

    repair.undo(attempt_id=RepairAttempt.objects.get().pk, by=olga, at=LATER)
    settle(LATER)

    again = Case.objects.get(closed_at__isnull=True)
    assert RepairAttempt.objects.get().state == "UNDONE"
    assert the_order().written_off_minor == 0
    assert (again.reopened_count, again.is_automation_barred) == (1, True)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(missing=st.integers(3, 900))
def test_run_and_undo_restore_every_total(missing: int) -> None:
    order = f"O-{missing}-{Order.objects.count()}"
    case = short_paid(missing, order=order)
    lena = lead(f"lena-{order}", team="revenue-ops")
    if case.is_open:
        second = lead(f"lia-{order}", team="revenue-ops")
        run(case, by=lena, key=f"form-{order}", approved_by=second)
        settle(LATER)
    changed = totals(order)
    attempt = RepairAttempt.objects.get(case=case)

    repair.undo(attempt_id=attempt.pk, by=lena, at=LATER)
    settle(LATER)

    assert changed["written_off_minor"] == missing
    assert totals(order) == {**changed, "written_off_minor": 0}
    written = Entry.objects.filter(order__canonical_id=order, kind="WRITTEN_OFF")
    assert sum(written.values_list("amount_minor", flat=True)) == 0

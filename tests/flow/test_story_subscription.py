"""Story 1: an invoice is sent, the subscription stays off, and the product switches it on."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from exceptions import repair
from exceptions.models import Case, RepairAttempt
from exceptions.repairs.plan import Plan
from reconciliation.models import Discrepancy, Entry, WriteBack
from tests.exceptions.people import connect, install_product, operator
from tests.exceptions.target import Target, serve
from tests.world import NOON, line, place, say, settle, the_order

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=2)


@pytest.fixture
def target() -> Iterator[Target]:
    with serve(Target(at=LATER)) as listening:
        yield listening


def invoiced_and_off(target: Target) -> None:
    install_product()
    connect("subscriptions-app", target)
    place("SUB-1", NOON, slug="subscriptions-app", lines=[line(fulfil="activate")])
    say("billing", "invoice.issued", "SUB-1", NOON, invoice="I-1", amount_minor=1000,
        currency="EUR")  # fmt: skip
    settle(NOON)


def after(minutes: float) -> datetime:
    return LATER + timedelta(minutes=minutes)


def test_a_subscription_left_off_is_activated_without_anyone(target: Target) -> None:
    invoiced_and_off(target)

    settle(LATER)

    case = Case.objects.get()
    assert the_order("SUB-1").is_active
    assert (case.state, case.closed_by) == ("SETTLED", "service:repair")
    assert [action for _, action in target.effects] == ["activate_subscription"]
    assert RepairAttempt.objects.get().state == "DONE"
    assert WriteBack.objects.get().state == "DELIVERED"
    assert not Discrepancy.objects.filter(cleared_at__isnull=True).exists()


def test_the_targets_own_webhook_is_a_duplicate_of_its_answer(target: Target) -> None:
    invoiced_and_off(target)
    settle(LATER)
    event = next(iter(target.done.values()))["event"]

    say("subscriptions-app", event["type"], "SUB-1", LATER, event_id="webhook-of-its-own",
        subscription=event["data"]["subscription"])  # fmt: skip
    settle(after(1))

    assert Entry.objects.filter(kind="ACTIVATED").count() == 1


def test_what_the_machine_cannot_do_waits_for_a_person_with_one_click(target: Target) -> None:
    invoiced_and_off(target)
    olga = operator()
    target.behave = ["refuse"] * 3
    for minutes in (0, 30, 120):
        settle(after(minutes))
    case = Case.objects.get(check_name="invoice_sent_not_active")
    assert (case.state, case.automatic_attempts, case.is_automation_barred) == ("NEW", 3, True)
    assert Case.objects.filter(check_name="writeback_failed", closed_at__isnull=True).count() == 1

    plan = repair.preview(case_id=case.pk, kind="activate_subscription")
    assert isinstance(plan, Plan)
    repair.run(
        case_id=case.pk, kind="activate_subscription", plan_sha256=plan.sha256(),
        idempotency_key="form-1", by=olga, at=after(130),
    )  # fmt: skip
    settle(after(131))

    case.refresh_from_db()
    assert (case.state, case.closed_by) == ("SETTLED", "olga")
    assert not Case.objects.filter(closed_at__isnull=True).exists()
    assert len(target.effects) == 1


def test_an_undone_activation_opens_a_case_that_automation_leaves_alone(target: Target) -> None:
    invoiced_and_off(target)
    olga = operator()
    settle(LATER)
    attempt = RepairAttempt.objects.get()

    repair.undo(attempt_id=attempt.pk, by=olga, at=after(5))
    target.at = after(5)
    settle(after(6))

    assert not the_order("SUB-1").is_active
    assert RepairAttempt.objects.get().state == "UNDONE"
    assert WriteBack.objects.get(action="activate_subscription").state == "COMPENSATED"
    again = Case.objects.get(closed_at__isnull=True)
    assert (again.reopened_count, again.is_automation_barred) == (1, True)
    assert [action for _, action in target.effects] == [
        "activate_subscription",
        "deactivate_subscription",
    ]

"""Repairs: the plan that was shown, once, by who may, undone while that is possible."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User

from audit.models import AuditEvent
from audit.queries import trail
from exceptions import intake, ownership, repair
from exceptions.models import Case, Message, RepairAttempt
from exceptions.permissions import NotAllowed
from exceptions.repair import CannotRepair, CannotUndo, NeedsReason, NeedsSecond, PlanChanged
from exceptions.repairs import KINDS, kinds_for
from exceptions.repairs.plan import Plan, Refusal
from reconciliation import rulebook, writeback
from reconciliation.models import Discrepancy, Entry, Event, Order, Team, WriteBack
from tests.exceptions.people import WEDNESDAY, broken, connect, fresh, lead, operator
from tests.exceptions.target import Target
from tests.world import say

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("installed")]
ON = {"to_activate_quantity": 1, "invoiced_minor": 1000, "ordered_minor": 1000}
KIND = "activate_subscription"


def opened(check_name: str = "invoice_sent_not_active", **totals: object) -> Case:
    broken(check_name, **(totals or ON))
    intake.take(limit=10, at=WEDNESDAY)
    return Case.objects.get()


@pytest.fixture
def a_case(target: Target) -> Case:
    target.at = WEDNESDAY
    connect("subscriptions-app", target)
    return opened()


def plan_of(case: Case, kind: str = KIND) -> Plan:
    plan = repair.preview(case_id=case.pk, kind=kind)
    assert isinstance(plan, Plan)
    return plan


def run(
    case: Case,
    *,
    by: User,
    key: str = "form-1",
    sha: str = "",
    kind: str = KIND,
    reason: str = "",
    approved_by: User | None = None,
) -> RepairAttempt:
    return repair.run(
        case_id=case.pk,
        kind=kind,
        plan_sha256=sha or plan_of(case, kind).sha256(),
        idempotency_key=key,
        by=by,
        at=WEDNESDAY,
        reason=reason,
        approved_by=approved_by,
    )


def last_of(case: Case) -> AuditEvent:
    return trail(stream="case", subject_id=case.pk).latest("sequence")


def after(minutes: float) -> datetime:
    return WEDNESDAY + timedelta(minutes=minutes)


def sweep(minutes: float) -> None:
    writeback.take(limit=10, at=after(minutes))
    repair.take(limit=10, at=after(minutes))


def test_a_plan_says_what_changes_where_and_how_it_is_undone(a_case: Case) -> None:
    plan = plan_of(a_case)

    assert [tuple(change) for change in plan.changes] == [
        ("Subscriptions app", "Subscription", "Off", "Active")
    ]
    assert plan.is_possible
    assert plan.inverse_action == "deactivate_subscription"


def test_the_same_facts_give_the_same_plan_and_others_another(a_case: Case) -> None:
    before = plan_of(a_case).sha256()

    assert plan_of(a_case).sha256() == before
    Order.objects.update(cancelled_at=WEDNESDAY)
    assert plan_of(a_case).sha256() != before


def test_without_a_system_that_takes_write_backs_there_is_no_plan() -> None:
    refusal = repair.preview(case_id=opened().pk, kind=KIND)

    assert isinstance(refusal, Refusal)
    assert "Platform owner" in refusal.why


def test_a_repair_of_another_check_is_refused(a_case: Case) -> None:
    assert isinstance(repair.preview(case_id=a_case.pk, kind="cancel_order"), Refusal)


def test_an_outside_repair_only_owes_a_write_back(a_case: Case) -> None:
    attempt = run(a_case, by=operator())

    owed = WriteBack.objects.get()
    assert (attempt.writeback, attempt.state, owed.state) == (owed, "RUNNING", "DUE")
    assert fresh(a_case).state == "VERIFYING"
    assert not Event.objects.exists()
    assert not Order.objects.get().is_active


def test_the_same_form_twice_is_one_repair(a_case: Case) -> None:
    olga = operator()
    sha = plan_of(a_case).sha256()

    assert run(a_case, by=olga, sha=sha) == run(a_case, by=olga, sha=sha)
    assert WriteBack.objects.count() == 1


def test_a_plan_that_is_not_the_one_shown_is_shown_and_not_run(a_case: Case) -> None:
    shown = plan_of(a_case).sha256()
    Order.objects.update(is_active=True)

    with pytest.raises(PlanChanged) as changed:
        run(a_case, by=operator(), sha=shown)

    assert not changed.value.plan.is_possible
    assert not WriteBack.objects.exists()


def test_a_precondition_that_does_not_hold_is_named(a_case: Case) -> None:
    Order.objects.update(is_active=True)

    with pytest.raises(CannotRepair, match="the subscription is off"):
        run(a_case, by=operator())


def test_one_repair_at_a_time(a_case: Case) -> None:
    olga = operator()
    run(a_case, by=olga)

    with pytest.raises(CannotRepair, match="under way"):
        run(a_case, by=olga, key="form-2")


def test_another_team_may_not(a_case: Case) -> None:
    with pytest.raises(NotAllowed):
        run(a_case, by=operator("stan", team="revenue-ops"))


def test_money_moves_only_by_a_lead_with_a_reason(target: Target) -> None:
    connect("card-payments", target)
    case = opened("cancelled_but_paid", paid_minor=1000, cancelled_at=WEDNESDAY)
    paid = say("card-payments", "payment.captured", "O-1", WEDNESDAY, payment="P-1")
    Entry.objects.create(
        order_id=case.order_id or 0,
        event=paid,
        number=0,
        kind="PAID",
        reference="P-1",
        occurred_at=WEDNESDAY,
    )

    with pytest.raises(NotAllowed, match="Team lead"):
        run(case, by=operator(), kind="refund_payment", reason="Asked for")
    lena = lead()
    with pytest.raises(NeedsReason):
        run(case, by=lena, kind="refund_payment")
    for nobody_else in (None, lena):
        with pytest.raises(NeedsSecond):
            run(case, by=lena, kind="refund_payment", reason="Asked for", approved_by=nobody_else)
    with pytest.raises(NotAllowed, match="Team lead"):
        run(case, by=lena, kind="refund_payment", reason="x", approved_by=operator("otto"))
    attempt = run(case, by=lena, kind="refund_payment", reason="Asked for", approved_by=lead("lia"))

    assert attempt.undo_until is None
    assert WriteBack.objects.get().payload["amount_minor"] == 1000


def test_a_delivered_repair_is_done_and_waits_for_its_check(a_case: Case) -> None:
    attempt = run(a_case, by=operator())

    sweep(1)

    attempt.refresh_from_db()
    assert (attempt.state, fresh(a_case).state) == ("DONE", "VERIFYING")


def test_a_refused_repair_comes_back_to_its_owner_with_the_reason(
    a_case: Case, target: Target
) -> None:
    olga = operator()
    Case.objects.update(owner=olga)
    attempt = run(a_case, by=olga)
    target.behave = ["refuse"]

    sweep(1)

    attempt.refresh_from_db()
    assert (attempt.state, fresh(a_case).state) == ("FAILED", "IN_PROGRESS")
    assert "the order is locked" in attempt.error
    assert last_of(a_case).action == "repair.failed"


def test_a_repair_that_does_not_hold_comes_back_more_urgent(a_case: Case, target: Target) -> None:
    run(a_case, by=operator())
    sweep(1)
    Event.objects.update(status="APPLIED", applied_at=after(2))

    repair.take(limit=10, at=after(3))
    assert fresh(a_case).state == "VERIFYING"
    a_case.discrepancy.last_seen_at = after(4)
    a_case.discrepancy.save()
    repair.take(limit=10, at=after(5))

    known = fresh(a_case)
    assert (known.state, known.severity) == ("NEW", "P1")
    assert last_of(a_case).action == "repair.did_not_hold"


def test_a_repair_that_no_system_confirms_comes_back_after_an_hour(
    a_case: Case, target: Target
) -> None:
    run(a_case, by=operator())
    target.behave = ["silent"]
    sweep(1)

    sweep(61)
    assert fresh(a_case).state == "VERIFYING"
    sweep(62)

    assert fresh(a_case).state == "NEW"


def test_the_machine_tries_as_often_as_the_rulebook_says_and_no_more(
    a_case: Case, target: Target
) -> None:
    target.behave = ["refuse"] * 10
    Team.objects.update(hand_out=Team.HandOut.ROUND_ROBIN)
    olga = operator()

    for minutes in range(0, 600, 5):
        repair.take(limit=10, at=after(minutes))
        assert (fresh(a_case).owner is None) == (not fresh(a_case).is_automation_barred)
        writeback.take(limit=10, at=after(minutes))

    known = fresh(a_case)
    automation = rulebook.live().automation("invoice_sent_not_active")
    assert automation is not None
    assert len(target.calls) == known.automatic_attempts == automation.attempts
    assert (known.state, known.is_automation_barred) == ("NEW", True)
    assert known.owner == olga  # dealt like a new one, once the machine has given up
    assert Message.objects.filter(recipient=olga, subject__contains="your turn").count() == 1


def failures() -> int:
    return Discrepancy.objects.filter(check_name="writeback_failed").count()


def test_a_refused_automatic_repair_brings_a_person_after_its_last_try_and_once(
    a_case: Case, target: Target
) -> None:
    target.behave = ["refuse"] * 10
    found = {}

    for minutes in range(0, 600, 5):
        repair.take(limit=10, at=after(minutes))
        writeback.take(limit=10, at=after(minutes))
        found[len(target.calls)] = failures()

    assert found == {1: 0, 2: 0, 3: 1}
    assert Discrepancy.objects.get(check_name="writeback_failed").cleared_at is None


def test_a_case_taken_between_two_automatic_tries_brings_a_person_to_what_was_refused(
    a_case: Case, target: Target
) -> None:
    target.behave = ["refuse"]
    repair.take(limit=10, at=after(0))
    sweep(1)
    before = failures()
    ownership.claim(case_id=a_case.pk, by=operator(), at=after(2))

    sweep(30)

    assert (before, failures()) == (0, 1)
    assert last_of(a_case).action == "repair.left_to_people"


def test_what_may_have_happened_is_not_tried_again_by_the_machine(
    a_case: Case, target: Target
) -> None:
    target.behave, target.forgets, target.is_look_up_broken = ["act_and_drop"], True, True

    for hours in range(60):
        sweep(hours * 60)

    known = fresh(a_case)
    assert len(target.effects) == known.automatic_attempts == 1
    assert (known.is_automation_barred, failures()) == (True, 1)


def test_the_machine_leaves_to_people_what_it_may_not_do(a_case: Case) -> None:
    Order.objects.update(cancelled_at=WEDNESDAY)
    Team.objects.update(hand_out=Team.HandOut.ROUND_ROBIN)
    olga = operator()

    repair.take(limit=10, at=after(0))

    assert (fresh(a_case).next_automatic_at, fresh(a_case).owner) == (None, olga)
    last = last_of(a_case)
    assert (last.action, last.reason) == (
        "repair.left_to_people", "Not so now: it is not cancelled.",
    )  # fmt: skip


def test_a_case_that_a_person_took_is_not_touched_by_the_machine(a_case: Case) -> None:
    ownership.claim(case_id=a_case.pk, by=operator(), at=after(0))

    repair.take(limit=10, at=after(0))

    assert not RepairAttempt.objects.exists()


def test_an_undo_owes_the_inverse_under_the_targets_own_name(a_case: Case, target: Target) -> None:
    olga = operator()
    attempt = run(a_case, by=olga)
    sweep(1)

    repair.undo(attempt_id=attempt.pk, by=olga, at=after(10))
    sweep(11)

    inverse = WriteBack.objects.get(action="deactivate_subscription")
    made = next(iter(target.done.values()))["event"]["data"]["subscription"]
    attempt.refresh_from_db()
    assert inverse.payload["subscription"] == made
    assert (attempt.state, attempt.undone_by) == ("UNDONE", olga)
    assert WriteBack.objects.get(action=KIND).state == "COMPENSATED"
    known = fresh(a_case)
    assert (known.state, known.owner, known.is_automation_barred) == (
        "IN_PROGRESS", olga, True,
    )  # fmt: skip


def test_an_undo_before_it_was_sent_never_sends_it(a_case: Case, target: Target) -> None:
    olga = operator()
    attempt = run(a_case, by=olga)

    repair.undo(attempt_id=attempt.pk, by=olga, at=after(1))
    sweep(2)

    attempt.refresh_from_db()
    assert (attempt.state, target.calls) == ("UNDONE", [])
    assert WriteBack.objects.get().state == "SUPERSEDED"


def test_undoing_twice_is_undoing_once(a_case: Case) -> None:
    olga = operator()
    attempt = run(a_case, by=olga)
    sweep(1)

    for minutes in (2, 3):
        repair.undo(attempt_id=attempt.pk, by=olga, at=after(minutes))

    assert WriteBack.objects.count() == 2


def test_the_window_closes_with_a_sentence(a_case: Case) -> None:
    olga = operator()
    attempt = run(a_case, by=olga)
    sweep(1)

    with pytest.raises(CannotUndo, match="Too late to undo: that was possible until 10:30"):
        repair.undo(attempt_id=attempt.pk, by=olga, at=after(30.1))


def test_an_undo_that_is_refused_leaves_the_repair_done_and_says_so(
    a_case: Case, target: Target
) -> None:
    olga = operator()
    attempt = run(a_case, by=olga)
    sweep(1)
    target.behave = ["refuse"]

    repair.undo(attempt_id=attempt.pk, by=olga, at=after(2))
    sweep(3)

    attempt.refresh_from_db()
    assert attempt.state == "DONE"
    assert "The undo failed" in attempt.error


def test_an_undo_that_was_refused_can_be_tried_again(a_case: Case, target: Target) -> None:
    olga = operator()
    attempt = run(a_case, by=olga)
    sweep(1)
    target.behave = ["refuse"]
    repair.undo(attempt_id=attempt.pk, by=olga, at=after(2))
    sweep(3)

    repair.undo(attempt_id=attempt.pk, by=olga, at=after(4))
    sweep(5)

    attempt.refresh_from_db()
    assert (attempt.state, attempt.error) == ("UNDONE", "")


def test_every_order_check_that_can_be_repaired_has_its_repair_first() -> None:
    automated = {each.check: each.repair for each in rulebook.live().automations}

    for check_name, kind in automated.items():
        assert kind == kinds_for(check_name)[0].KIND


def test_every_kind_is_known_by_its_own_name_and_to_the_rulebook() -> None:
    checks = {check.name for check in rulebook.live().checks}

    for name, kind in KINDS.items():
        assert name == kind.KIND
        assert set(kind.CHECKS) <= checks

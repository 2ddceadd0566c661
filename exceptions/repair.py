"""Runs repairs: the plan that was shown and no other, once a key, undone while that is possible."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_fsm import TransitionNotAllowed

from exceptions import attempts, follow_up
from exceptions.desk import check_goes_on, check_unchanged, keep, locked
from exceptions.models import Case, RepairAttempt
from exceptions.permissions import SENIOR_TIER, check_can_repair, check_can_work
from exceptions.repairs import plan_for
from exceptions.repairs.plan import Plan, Refusal
from exceptions.route import automation
from reconciliation import one_by_one, rulebook, writeback
from reconciliation.models import Event, Order


class PlanChanged(Exception):
    """The order has changed since the plan was shown; `plan` is the new one."""

    def __init__(self, plan: Plan, *, news: str = "") -> None:
        said = f"The order changed meanwhile{f': {news}' if news else ''}."
        super().__init__(f"{said} This is the new plan; nothing was done.")
        self.plan = plan


class CannotRepair(Exception):
    """The repair does not fit now; the message may be shown."""


class NeedsReason(CannotRepair):
    """A repair that moves money asks for a reason in words."""


class NeedsSecond(CannotRepair):
    """A repair that moves money or cannot be undone waits for a second person to agree."""


class CannotUndo(Exception):
    """There is no way back, or no longer; the message may be shown."""


def preview(*, case_id: int, kind: str, choice: str = "") -> Plan | Refusal:
    """Say what a repair would do as of now; raises Case.DoesNotExist, NoSuchRepair."""
    return plan_for(case=Case.objects.get(pk=case_id), kind=kind, choice=choice)


@transaction.atomic
def run(  # noqa: PLR0913 - what the form of a repair says
    *,
    case_id: int,
    kind: str,
    plan_sha256: str,
    idempotency_key: str,
    by: User,
    at: datetime,
    reason: str = "",
    version: int | None = None,
    choice: str = "",
    approved_by: User | None = None,
) -> RepairAttempt:
    """Run the repair that was shown to `by`. The same key again gives the same attempt.

    What moves money or cannot be undone runs only when a second Team lead has agreed.
    Raises NotAllowed, CannotRepair, NeedsReason, NeedsSecond, Conflict, and PlanChanged with the
    new plan if the order is no longer what it was when the plan was shown.
    """
    case = locked(case_id)
    check_can_work(by, case)
    known = RepairAttempt.objects.filter(idempotency_key=idempotency_key).first()
    if known is not None:
        if (known.case_id, known.kind) != (case.pk, kind):
            raise CannotRepair("This form has already run another repair. Nothing was done.")
        return known
    check_goes_on(case)
    plan = _plan_now(case, kind=kind, choice=choice)
    check_can_repair(by, case, tier=plan.tier)
    check_unchanged(case, version=version)
    if plan.sha256() != plan_sha256:
        raise PlanChanged(plan, news=_newest_fact(case))
    _check_possible(case, plan)
    if plan.tier >= SENIOR_TIER and not reason.strip():
        raise NeedsReason("Say why: this moves money or cannot be undone. Nothing was done.")
    if plan.tier >= SENIOR_TIER:
        _check_second(case, plan, by=by, approved_by=approved_by)
    return attempts.begin(
        case=case, plan=plan, key=idempotency_key, by=by, reason=reason.strip(), at=at
    )


@transaction.atomic
def undo(*, attempt_id: int, by: User, at: datetime) -> RepairAttempt:
    """Take a repair back: reverse the correction, or owe the compensating write-back.

    Closes automation for this check and order. Raises NotAllowed, CannotUndo.
    """
    case = locked(RepairAttempt.objects.values_list("case_id", flat=True).get(pk=attempt_id))
    attempt = RepairAttempt.objects.select_for_update().get(pk=attempt_id)
    attempt.case = case
    check_can_repair(by, case, tier=attempt.plan["tier"])
    if attempt.state in ("UNDOING", "UNDONE"):
        return attempt
    check_goes_on(case)
    if why_not := attempts.refusal_to_undo(attempt, at=at):
        raise CannotUndo(why_not)
    if attempt.writeback is not None and attempt.writeback.state == "DUE":
        _stop_before_sent(attempt, by=by, at=at)
    else:
        attempts.take_back(attempt=attempt, by=by, at=at)
    _give_back(case, attempt=attempt, by=by, at=at)
    return attempt


def take(*, limit: int, at: datetime) -> int:
    """See earlier repairs through, then run the automatic ones that are due; says how many."""
    done = follow_up.take(limit=limit, at=at)
    due = Case.objects.filter(next_automatic_at__lte=at).order_by("next_automatic_at", "pk")
    ids = one_by_one.line_up(due, stage="repair", limit=max(limit - done, 0))
    return done + one_by_one.do(
        stage="repair", ids=ids, each=lambda pk: _try_by_itself(case_id=pk, at=at)
    )


@transaction.atomic
def _try_by_itself(*, case_id: int, at: datetime) -> bool:
    """Run the automatic repair of one case, or leave it to people and say why."""
    case = (
        Case.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("team")
        .filter(pk=case_id, next_automatic_at__lte=at)
        .first()
    )
    if case is None:
        return False
    rules = rulebook.version(case.rulebook_version)
    chosen = automation(rules=rules, check_name=case.check_name, at_risk_minor=case.at_risk_minor)
    why_not = "The rulebook has no automatic repair for it."
    if chosen is not None and case.state == Case.State.NEW and not case.is_automation_barred:
        try:
            plan = _plan_now(case, kind=chosen.repair)
            _check_possible(case, plan)
        except CannotRepair as refusal:
            why_not = str(refusal)
        else:
            case.automatic_attempts += 1
            attempts.begin(
                case=case,
                plan=plan,
                key=f"automatic-{case.pk}-{case.automatic_attempts}",
                by=None,
                reason=f"Rulebook v{rules.number}: {plan.title} when {case.check_name}.",
                at=at,
            )
            return True
    case.next_automatic_at = None
    follow_up.deal(case, at=at)
    if (last := case.repairs.order_by("pk").last()) is not None:
        attempts.call_person(last, at=at)
    keep(
        case,
        action="repair.left_to_people",
        words="left it to people",
        actor=attempts.SERVICE,
        at=at,
        from_state=case.state,
        reason=why_not,
    )
    return True


def _check_second(case: Case, plan: Plan, *, by: User, approved_by: User | None) -> None:
    """Raise NeedsSecond unless another person who may run such a repair has agreed to it."""
    if approved_by is None or approved_by.pk == by.pk:
        raise NeedsSecond(f"Another Team lead agrees to “{plan.title}” first. Nothing was done.")
    check_can_repair(approved_by, case, tier=plan.tier)


def _plan_now(case: Case, *, kind: str, choice: str = "") -> Plan:
    """Derive the plan from the locked order."""
    if not case.is_open:
        raise CannotRepair(f"This exception is {case.get_state_display().lower()}.")
    if case.order_id is not None:
        Order.objects.select_for_update(no_key=True).only("pk").get(pk=case.order_id)
    plan = plan_for(case=case, kind=kind, choice=choice)
    if isinstance(plan, Refusal):
        raise CannotRepair(plan.why)
    return plan


def _newest_fact(case: Case) -> str:
    """Say who said what of a case's order last: "Billing said invoice.voided at 14:02 …"."""
    told = Event.objects.filter(order=case.order_id, status=Event.Status.APPLIED)
    newest = told.select_related("source").order_by("-pk").first()
    if case.order_id is None or newest is None or newest.applied_at is None:
        return ""
    when = f"{timezone.localtime(newest.applied_at):%H:%M on %d %b}"
    return f"{newest.source.name} said {newest.type} at {when}"


def _check_possible(case: Case, plan: Plan) -> None:
    """Raise CannotRepair unless the case can take the plan now."""
    if case.repairs.filter(state__in=["RUNNING", "UNDOING"]).exists():
        raise CannotRepair("Another repair of this exception is under way.")
    for condition in plan.preconditions:
        if not condition.holds:
            raise CannotRepair(f"Not so now: {condition.text[0].lower()}{condition.text[1:]}.")
    if case.state == Case.State.VERIFYING:
        raise CannotRepair("It is repaired, and waits for its check to hold.")


def _stop_before_sent(attempt: RepairAttempt, *, by: User, at: datetime) -> None:
    """Undo what was not sent yet by never sending it."""
    assert attempt.writeback_id is not None
    try:
        writeback.supersede(
            writeback_id=attempt.writeback_id, reason="Undone.", actor=by.username, at=at
        )
    except writeback.CannotSupersede as refusal:
        raise CannotUndo(f"Too late: {refusal}") from refusal
    attempt.state = RepairAttempt.State.UNDONE
    attempt.undone_at, attempt.undone_by = at, by
    attempt.save()


def _give_back(case: Case, *, attempt: RepairAttempt, by: User, at: datetime) -> None:
    """Bar automation, and bring the case back to whoever undid the repair."""
    before = case.state
    case.is_automation_barred = True
    case.next_automatic_at = None
    try:
        case.return_to_owner()
    except TransitionNotAllowed:
        pass  # closed meanwhile: a new case opens if the check breaks again
    else:
        case.owner = case.owner or by
    keep(
        case,
        action="repair.undo_begun",
        words=f"undid “{attempt.plan['title']}”",
        actor=by.username,
        at=at,
        from_state=before,
        detail={"attempt": attempt.pk, "repair": attempt.kind, "title": attempt.plan["title"]},
    )

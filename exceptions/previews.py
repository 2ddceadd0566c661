"""Says what a repair would do, for the page: its plan, or the orders it may mean."""

from uuid import uuid4

from django.contrib.auth.models import User

from exceptions import words
from exceptions.desk import follows
from exceptions.models import Case
from exceptions.permissions import SENIOR_TIER, refusal_to_repair
from exceptions.repairs import KINDS, ChoosingKind, plan_for
from exceptions.repairs.plan import UNDO_MINUTES, Plan, Refusal
from exceptions.rows import ChoiceRow, Permission, PlanChange, Precondition, RepairPreview
from reconciliation.likely import Likely


def previewed(case: Case, *, kind: str, user: User, choice: str = "") -> RepairPreview:
    """Plan a repair of a case as it stands, and say whether `user` may run it."""
    module = KINDS[kind]
    asks, choices = "", []
    if isinstance(module, ChoosingKind):
        asks, found = module.ASKS, module.choices(case=case)
        choices = [_choice(case, each, module=module, user=user) for each in found]
        choice = choice or (found[0].canonical_id if found and kind in _GUESSES else "")
    plan = plan_for(case=case, kind=kind, choice=choice)
    if isinstance(plan, Refusal):
        return _refused(kind, why=plan.why, asks=asks, choice=choice, choices=choices)
    refusal = refusal_to_repair(user, case, tier=plan.tier)
    return RepairPreview(
        kind=plan.kind,
        title=plan.title,
        tier=plan.tier,
        target=plan.target_name,
        changes=[PlanChange(*change) for change in plan.changes],
        resulting_state=plan.resulting_state,
        side_effects=plan.side_effects,
        preconditions=[Precondition(*each) for each in plan.preconditions],
        is_undoable=plan.is_undoable,
        undo_text=_undo_text(plan),
        needs_reason=plan.tier >= SENIOR_TIER,
        plan_sha256=plan.sha256(),
        idempotency_key=uuid4().hex,
        permission=Permission(not refusal, refusal),
        refusal=follows(case)
        or ("" if case.is_open else f"This exception is {words.state(case).lower()}."),
        asks=asks,
        choice=choice,
        reasons=next((each.reasons for each in choices if each.name == choice), ()),
        choices=[each for each in choices if each.name != choice],
    )


_GUESSES = frozenset({"link_order"})  # of these the likeliest order is shown at once


def _choice(case: Case, found: Likely, *, module: ChoosingKind, user: User) -> ChoiceRow:
    plan = module.plan_to(case=case, choice=found.canonical_id)
    if isinstance(plan, Refusal):
        why_not = plan.why
    else:
        why_not = refusal_to_repair(user, case, tier=plan.tier) or next(
            (f"Not so: {each.text}." for each in plan.preconditions if not each.holds), ""
        )
    return ChoiceRow(
        name=found.canonical_id,
        score=found.score,
        reasons=found.reasons,
        title=module.TITLE if isinstance(plan, Refusal) else plan.title,
        plan_sha256="" if isinstance(plan, Refusal) or why_not else plan.sha256(),
        idempotency_key=uuid4().hex,
        why_not=why_not,
    )


def _refused(
    kind: str, *, why: str, asks: str, choice: str, choices: list[ChoiceRow]
) -> RepairPreview:
    return RepairPreview(
        kind=kind,
        title=KINDS[kind].TITLE,
        tier=KINDS[kind].TIER,
        target="",
        changes=[],
        resulting_state="",
        side_effects="",
        preconditions=[],
        is_undoable=False,
        undo_text="",
        needs_reason=False,
        plan_sha256="",
        idempotency_key="",
        permission=Permission(allowed=False, why_not=why),
        refusal=why,
        asks=asks,
        choice=choice,
        choices=choices,
    )


def _undo_text(plan: Plan) -> str:
    if not plan.is_undoable:
        return "Cannot be undone"
    return f"Can be undone for {UNDO_MINUTES} minutes"

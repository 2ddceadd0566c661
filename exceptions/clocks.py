"""Keeps a case's clocks: the plan it is timed by, the stretches it waited, the due moments.

`desk.keep` calls `follow` after every move, so that no verb has to think of clocks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from exceptions import sla
from exceptions.models import Case, ClockInterval, ClockPlan, Escalation
from exceptions.sla import Plan, StepTime, Stretch
from reconciliation import rulebook

_EQUAL = timedelta(seconds=1)  # sums of minutes are not exact to the microsecond


@dataclass(frozen=True)
class Kept:
    """What is kept of one case's clocks: its intervals, oldest first, with their plans."""

    intervals: Sequence[ClockInterval]
    until: datetime | None  # when the wait that is under way ends, as meant

    def stretches(self) -> list[Stretch]:
        """Give the stretches; a wait under way ends as meant."""
        return [
            Stretch(each.began_at, each.ended_at or self.until, each.waiting_for)
            for each in self.intervals
        ]

    def plans(self) -> dict[int, tuple[Plan, datetime]]:
        """Give each plan by its id with the moment since which it counts, in order."""
        found: dict[int, tuple[Plan, datetime]] = {}
        for each in self.intervals:
            found.setdefault(each.plan_id, (plan_in(each.plan), each.began_at))
        return found


class Plans:
    """The rows of plans, each looked up once."""

    def __init__(self) -> None:
        self._known: dict[Plan, ClockPlan] = {}

    def row(self, plan: Plan) -> ClockPlan:
        """Give the row of a plan, made where it is new."""
        if plan not in self._known:
            self._known[plan] = pin(plan)
        return self._known[plan]


def plan_in(kept: ClockPlan) -> Plan:
    """Read a plan."""
    return sla.from_json(kept.content)


def plan_for(case: Case) -> Plan:
    """Give the plan that a case is timed by; one opened before plans were kept has its rules'."""
    if case.clock_plan is not None:
        return plan_in(case.clock_plan)
    return sla.plan_of(
        rules=rulebook.version(case.rulebook_version),
        severity=case.severity,
        check=case.check_name,
        team=case.team.slug,
        team_hours=sla.hours_of(case.team.calendar),
    )


def pin(plan: Plan) -> ClockPlan:
    """Keep a plan, once; gives its row."""
    key = sla.fingerprint(plan)
    kept, _ = ClockPlan.objects.get_or_create(sha256=key, defaults={"content": sla.as_json(plan)})
    return kept


def begin(cases: Iterable[Case], *, at: datetime) -> None:
    """Begin the first stretch of cases that were just opened under their plans."""
    ClockInterval.objects.bulk_create(
        ClockInterval(case=case, plan_id=case.clock_plan_id, began_at=at)
        for case in cases
        if case.clock_plan_id is not None
    )


def follow(case: Case, *, from_state: str, at: datetime) -> None:
    """Let the clocks of a locked case follow the move it made; the caller saves the case."""
    if case.clock_plan_id is None or not _concerns_clocks(case, from_state):
        return
    waiting_for = case.waiting_for if case.state == Case.State.WAITING else ""
    if _end_stretch(case, at=at) and case.is_open:
        _begin_stretch(case, waiting_for=waiting_for, at=at)
    if case.is_open:
        _set_due(case, at=at)
    else:
        case.paused_minutes_left = None


def change_plan(case: Case, *, plan: Plan, at: datetime) -> None:
    """Time a locked case by another plan from now on; its due moment can only come nearer."""
    pinned = pin(plan)
    if case.clock_plan_id is None or pinned.pk == case.clock_plan_id:
        return
    _end_stretch(case, at=at)
    case.clock_plan = pinned
    _begin_stretch(case, waiting_for="", at=at)
    _set_due(case, at=at)


def steps_of(case: Case) -> tuple[StepTime, ...]:
    """Work out the steps of a case's plan, earliest first."""
    kept = _kept(case)
    if case.clock_plan_id is None or not kept.intervals:
        return sla.clocks(plan=plan_for(case), since=case.opened_at).steps
    plan, since = kept.plans()[case.clock_plan_id]
    return sla.clocks(plan=plan, since=since, stretches=kept.stretches()).steps


def differing(*, low: int = 0, high: int | None = None) -> list[int]:
    """Find open cases, low < id <= high, whose due moments are not what their intervals say."""
    found = Case.objects.filter(pk__gt=low, closed_at__isnull=True, clock_plan__isnull=False)
    if high is not None:
        found = found.filter(pk__lte=high)
    cases = list(found.order_by("pk"))
    ids = [case.pk for case in cases]
    intervals: dict[int, list[ClockInterval]] = {}
    for each in _ordered(ClockInterval.objects.filter(case__in=ids)):
        intervals.setdefault(each.case_id, []).append(each)
    fired: dict[int, set[int]] = {}
    for case_id, step in Escalation.objects.filter(case__in=ids).values_list("case", "step"):
        fired.setdefault(case_id, set()).add(step)
    return [
        case.pk
        for case in cases
        if not _agrees(
            case,
            Kept(intervals.get(case.pk, []), case.snoozed_until),
            fired=fired.get(case.pk, set()),
        )
    ]


def _agrees(case: Case, kept: Kept, *, fired: set[int]) -> bool:
    plans = kept.plans()
    if case.clock_plan_id not in plans or not _is_gapless(case, kept.intervals):
        return False
    respond, resolve, escalate = _due(kept, plans[case.clock_plan_id], fired=fired)
    return (
        _same(respond, case.respond_due_at)
        and _same(resolve, case.resolve_due_at)
        and _same(escalate, case.next_escalation_at)
    )


def _due(
    kept: Kept, current: tuple[Plan, datetime], *, fired: set[int]
) -> tuple[datetime, datetime, datetime | None]:
    """Give when to respond and to resolve, by the strictest plan, and the next step's moment."""
    stretches = kept.stretches()
    found = [
        sla.clocks(plan=plan, since=since, stretches=stretches)
        for plan, since in kept.plans().values()
    ]
    plan, since = current
    steps = sla.clocks(plan=plan, since=since, stretches=stretches).steps
    left = [step.due_at for step in steps if step.number not in fired]
    due = min(each.resolve_due_at for each in found)
    return found[0].respond_due_at, due, min(left, default=None)


def _is_gapless(case: Case, intervals: Sequence[ClockInterval]) -> bool:
    """Tell whether stretches follow one another from the opening on, the last one open."""
    ends = [case.opened_at, *(each.ended_at for each in intervals)]
    return [*(each.began_at for each in intervals), None] == ends


def _concerns_clocks(case: Case, from_state: str) -> bool:
    """Tell whether a move began or ended a wait, or the case itself."""
    waits = Case.State.WAITING in (from_state, case.state)
    is_end = (from_state in (Case.State.SETTLED, Case.State.DISMISSED)) is case.is_open
    return waits or is_end


def _end_stretch(case: Case, *, at: datetime) -> bool:
    """End the stretch under way, or bridge the time that the case was closed."""
    last = ClockInterval.objects.filter(case=case).order_by("-began_at", "-pk").first()
    if last is None:
        return False
    if last.ended_at is None:
        last.ended_at = max(at, last.began_at)
        last.save(update_fields=["ended_at"])
    elif case.is_open and last.ended_at < at:
        ClockInterval.objects.create(
            case=case, plan_id=last.plan_id, began_at=last.ended_at, ended_at=at,
            waiting_for=sla.CLOSED,
        )  # fmt: skip
    return True


def _begin_stretch(case: Case, *, waiting_for: str, at: datetime) -> None:
    assert case.clock_plan_id is not None
    ClockInterval.objects.create(
        case=case, plan_id=case.clock_plan_id, began_at=at, waiting_for=waiting_for
    )


def _set_due(case: Case, *, at: datetime) -> None:
    """Set the moments that a case's stretches come to, and what is left if its clock rests."""
    kept = _kept(case)
    assert case.clock_plan_id is not None
    plan, since = kept.plans()[case.clock_plan_id]
    fired = set(case.escalations.values_list("step", flat=True))
    _, due, next_at = _due(kept, (plan, since), fired=fired)
    case.resolve_due_at, case.next_escalation_at = due, next_at
    rests = case.state == Case.State.WAITING and plan.stops_for(case.waiting_for)
    left = sla.minutes_left(plan=plan, due_at=due, at=max(at, case.snoozed_until or at))
    case.paused_minutes_left = int(left) if rests else None


def _kept(case: Case) -> Kept:
    intervals = ClockInterval.objects.filter(case=case)
    return Kept(list(_ordered(intervals)), case.snoozed_until)


def _ordered(intervals: QuerySet[ClockInterval]) -> QuerySet[ClockInterval]:
    return intervals.select_related("plan").order_by("case", "began_at", "pk")


def _same(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < _EQUAL

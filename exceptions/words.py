"""Says times, clocks and states as people read them."""

from datetime import datetime, timedelta

from exceptions import sla
from exceptions.clocks import plan_for
from exceptions.models import Case
from exceptions.rows import Count, Sla
from exceptions.sla import Plan

MOST_COUNTED = 1_000
_NOW = timedelta()
_MINUTES_OF_DAY, _MINUTES_OF_HOUR = 1_440, 60
_STATES = {
    "NEW": "New",
    "IN_PROGRESS": "In progress",
    "WAITING": "Waiting",
    "VERIFYING": "Verifying",
    "SETTLED": "Settled",
    "DISMISSED": "Dismissed",
}


def duration(length: timedelta) -> str:
    """Say a length of time by its two largest units: "9 min", "2 h 10 min", "1 d 6 h"."""
    minutes = max(int(length.total_seconds()) // 60, 0)
    days, rest = divmod(minutes, _MINUTES_OF_DAY)
    hours, minutes = divmod(rest, _MINUTES_OF_HOUR)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    said = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(said[:2]) or "0 min"


def resolve_clock(case: Case, *, at: datetime) -> Sla:
    """Say how much is left to resolve a case, by how much it is over, or that its clock rests."""
    due_at = case.resolve_due_at
    if due_at is None or case.closed_at is not None:
        return _at_rest(due_at, case.closed_at)
    if case.paused_minutes_left is not None:
        return Sla(due_at, "paused", "bars", f"Paused, {_left_or_over(case.paused_minutes_left)}")
    plan = plan_for(case)
    left = sla.minutes_left(plan=plan, due_at=due_at, at=at)
    whole = plan.resolve_minutes
    return _running(due_at, plan=plan, left=left, share=1 - left / whole, at=at)


def respond_clock(case: Case, *, at: datetime) -> Sla:
    """Say how much is left to answer a case; whoever lays it aside has answered."""
    due_at, done_at = case.respond_due_at, case.responded_at or case.closed_at
    if due_at is None or done_at is not None:
        return _at_rest(due_at, done_at)
    plan = plan_for(case)
    left = sla.minutes_left(plan=plan, due_at=due_at, at=at)
    return _running(due_at, plan=plan, left=left, share=1 - left / plan.respond_minutes, at=at)


def _at_rest(due_at: datetime | None, done_at: datetime | None) -> Sla:
    if due_at is None or done_at is None:
        return Sla(None, "none", "clock", "No SLA")
    late = done_at - due_at
    return Sla(due_at, "none", "clock", "In time" if late <= _NOW else f"{duration(late)} late")


def _running(due_at: datetime, *, plan: Plan, left: float, share: float, at: datetime) -> Sla:
    """Say one clock that runs; how late it is counts every hour, as people feel it."""
    if at > due_at:
        return Sla(due_at, "bad", "triangle", f"{duration(at - due_at)} over")
    tone = "warn" if share >= plan.warn_share else "neutral"
    if plan.hours is None:
        return Sla(due_at, tone, "clock", f"{duration(due_at - at)} left")
    return Sla(due_at, tone, "clock", f"{work_time(left)} left", " (work hours)")


def _left_or_over(minutes: int) -> str:
    return f"{work_time(abs(minutes))} {'left' if minutes >= 0 else 'over'}"


def work_time(minutes: float) -> str:
    """Say a length of working time, whose days are not days: "9 min", "26 h 10 min"."""
    hours, rest = divmod(int(minutes), _MINUTES_OF_HOUR)
    said = [f"{number} {unit}" for number, unit in ((hours, "h"), (rest, "min")) if number]
    return " ".join(said) or "0 min"


def state(case: Case) -> str:
    """Say where the work stands."""
    if case.merged_into_id is not None and case.closed_at is None:
        return f"Merged into #{case.merged_into_id}"
    if case.state != Case.State.WAITING:
        return _STATES[case.state]
    if case.waiting_for == "snooze" and case.snoozed_until:
        return f"Snoozed until {case.waits_until or moment(case.snoozed_until)}"
    return f"Waiting on {case.waiting_for or 'someone'}"


def moment(at: datetime) -> str:
    """Say a moment: "14:00 on 22 Nov"."""
    return f"{at:%H:%M} on {at.day} {at:%b}"


def count(number: int) -> Count:
    """Say a number that was counted to one more than 1,000 at most."""
    text = f"{MOST_COUNTED:,}+" if number > MOST_COUNTED else f"{number:,}"
    return Count(min(number, MOST_COUNTED), text)

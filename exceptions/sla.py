"""Finds when a clock runs out: minutes of working time, in a team's own hours, without its pauses.

A plan says how a case is timed; with the stretches that the case waited, every due moment follows.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from hashlib import sha256
from typing import Any

from reconciliation.models import Calendar
from reconciliation.rulebook import Rulebook
from reconciliation.working_time import BusinessHours, due_at, working_minutes

CLOSED = "closed"  # what a case waited for between a dismissal and its reopening
_WHOLE = 1.0


@dataclass(frozen=True)
class PlanStep:
    """One step of an escalation: its number, its share of the clock, whom it tells and how."""

    number: int
    share: float
    to: str
    how: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """How a case is timed: minutes inside `hours` (None: always), what pauses it, its steps."""

    respond_minutes: int
    resolve_minutes: int
    hours: BusinessHours | None
    pauses: tuple[str, ...]
    steps: tuple[PlanStep, ...]

    @property
    def warn_share(self) -> float:
        """Give the share of the clock from which it is time to hurry: that of its first step."""
        return min((s.share for s in self.steps if 0 < s.share < _WHOLE), default=_WHOLE)

    def stops_for(self, waiting_for: str) -> bool:
        """Tell whether its clock rests while a case waits for this."""
        return waiting_for == CLOSED or waiting_for in self.pauses


@dataclass(frozen=True)
class Stretch:
    """A stretch of a case's life; it waited for something, or for nothing ("")."""

    began_at: datetime
    ended_at: datetime | None
    waiting_for: str


@dataclass(frozen=True)
class StepTime:
    """One step of an escalation plan: its number, when it is due, whom it tells and how."""

    number: int
    due_at: datetime
    to: str
    how: tuple[str, ...] = ("person",)


@dataclass(frozen=True)
class Clocks:
    """When a case must be answered and closed, and the escalation on the way, earliest first."""

    respond_due_at: datetime
    resolve_due_at: datetime
    steps: tuple[StepTime, ...]


def plan_of(
    *, rules: Rulebook, severity: str, check: str, team: str, team_hours: BusinessHours
) -> Plan:
    """Choose how a case is timed: the first clock and the first escalation that fit it.

    A rulebook clock without a calendar never stops; any other counts the team's own hours. Steps
    of P1 are numbered from 100, of P2 from 200: a case that becomes more urgent begins a new plan.
    """
    clock = rules.clock(severity=severity, check=check, team=team)
    steps = rules.escalation(severity=severity, check=check, team=team)
    return Plan(
        respond_minutes=clock.respond_minutes,
        resolve_minutes=clock.resolve_minutes,
        hours=team_hours if clock.calendar else None,
        pauses=clock.pauses,
        steps=tuple(
            PlanStep(int(severity[1:]) * 100 + place, step.share, step.to, step.how)
            for place, step in enumerate(steps)
        ),
    )


def clocks(*, plan: Plan, since: datetime, stretches: Sequence[Stretch] = ()) -> Clocks:
    """Work out the clocks of a case under a plan that counts from `since`."""
    rests = [each for each in stretches if plan.stops_for(each.waiting_for)]

    def due(minutes: float) -> datetime:
        return _due_at(since=since, minutes=minutes, hours=plan.hours, rests=rests)

    steps = [
        StepTime(step.number, due(plan.resolve_minutes * step.share), step.to, step.how)
        for step in plan.steps
    ]
    return Clocks(
        respond_due_at=due_at(opened_at=since, minutes=plan.respond_minutes, hours=plan.hours),
        resolve_due_at=due(plan.resolve_minutes),
        steps=tuple(sorted(steps, key=lambda step: (step.due_at, step.number))),
    )


def minutes_left(*, plan: Plan, due_at: datetime, at: datetime) -> float:
    """Count the minutes of the plan's own time until `due_at`; those after it, if it has passed."""
    return working_minutes(
        start=min(at, due_at), end=max(at, due_at), hours=plan.hours
    ) * (1 if at <= due_at else -1)  # fmt: skip


def hours_of(calendar: Calendar) -> BusinessHours:
    """Read a team's calendar."""
    return BusinessHours(
        zone=calendar.time_zone,
        opens=calendar.opens,
        closes=calendar.closes,
        weekdays=frozenset(calendar.weekdays),
        country=calendar.holidays_country,
        off=frozenset(map(date.fromisoformat, calendar.company_days)),
    )


def as_json(plan: Plan) -> dict[str, Any]:
    """Write a plan down."""
    hours = plan.hours
    off = sorted(map(date.isoformat, hours.off)) if hours else []
    return {
        "respond_minutes": plan.respond_minutes,
        "resolve_minutes": plan.resolve_minutes,
        "hours": hours
        and {
            "zone": hours.zone,
            "opens": hours.opens.isoformat(),
            "closes": hours.closes.isoformat(),
            "weekdays": sorted(hours.weekdays),
            "country": hours.country,
            **({"off": off} if off else {}),
        },
        "pauses": list(plan.pauses),
        "steps": [
            {"number": each.number, "share": each.share, "to": each.to, "how": list(each.how)}
            for each in plan.steps
        ],
    }


def from_json(content: dict[str, Any]) -> Plan:
    """Read a plan that was written down."""
    hours = content["hours"]
    return Plan(
        respond_minutes=content["respond_minutes"],
        resolve_minutes=content["resolve_minutes"],
        hours=hours
        and BusinessHours(
            zone=hours["zone"],
            opens=time.fromisoformat(hours["opens"]),
            closes=time.fromisoformat(hours["closes"]),
            weekdays=frozenset(hours["weekdays"]),
            country=hours["country"],
            off=frozenset(map(date.fromisoformat, hours.get("off", ()))),
        ),
        pauses=tuple(content["pauses"]),
        steps=tuple(
            PlanStep(each["number"], each["share"], each["to"], tuple(each["how"]))
            for each in content["steps"]
        ),
    )


def fingerprint(plan: Plan) -> str:
    """Hash a plan: equal plans have equal hashes."""
    return sha256(json.dumps(as_json(plan), sort_keys=True).encode()).hexdigest()


def _due_at(
    *, since: datetime, minutes: float, hours: BusinessHours | None, rests: Iterable[Stretch]
) -> datetime:
    """Find the moment when `minutes` have run since `since`, but for the rests in between."""
    start = since
    for rest in sorted(rests, key=lambda each: each.began_at):
        if rest.ended_at is None or rest.ended_at <= start:
            continue
        ran = working_minutes(start=start, end=rest.began_at, hours=hours)
        if minutes <= ran:
            break
        minutes, start = minutes - ran, rest.ended_at
    return due_at(opened_at=start, minutes=minutes, hours=hours)

"""Finds when a clock runs out: minutes of working time, in a team's own hours and holidays."""

from dataclasses import dataclass
from datetime import datetime

from reconciliation.models import Calendar
from reconciliation.rulebook import Rulebook
from reconciliation.working_time import BusinessHours, due_at


@dataclass(frozen=True)
class StepTime:
    """One step of an escalation plan: its number, when it is due, and whom it tells."""

    number: int
    due_at: datetime
    to: str


@dataclass(frozen=True)
class Clocks:
    """When a case must be answered and closed, and the escalation on the way, earliest first."""

    respond_due_at: datetime
    resolve_due_at: datetime
    steps: tuple[StepTime, ...]


def clocks(
    *, rules: Rulebook, severity: str, opened_at: datetime, team_hours: BusinessHours
) -> Clocks:
    """Set the clocks of a case as its rulebook says.

    A rulebook clock without a calendar never stops; any other counts the team's own hours. Steps
    of P1 are numbered from 100, of P2 from 200: a case that becomes more urgent begins a new plan.
    """
    clock = rules.clock(severity)
    hours = team_hours if clock.calendar else None
    steps = (
        StepTime(
            number=int(severity[1:]) * 100 + place,
            due_at=due_at(
                opened_at=opened_at, minutes=clock.resolve_minutes * step.share, hours=hours
            ),
            to=step.to,
        )
        for place, step in enumerate(rules.escalation(severity).steps)
    )
    return Clocks(
        respond_due_at=due_at(opened_at=opened_at, minutes=clock.respond_minutes, hours=hours),
        resolve_due_at=due_at(opened_at=opened_at, minutes=clock.resolve_minutes, hours=hours),
        steps=tuple(sorted(steps, key=lambda step: (step.due_at, step.number))),
    )


def hours_of(calendar: Calendar) -> BusinessHours:
    """Read a team's calendar."""
    return BusinessHours(
        zone=calendar.time_zone,
        opens=calendar.opens,
        closes=calendar.closes,
        weekdays=frozenset(calendar.weekdays),
        country=calendar.holidays_country,
    )

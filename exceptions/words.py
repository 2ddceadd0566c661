"""Says times, clocks and states as people read them."""

from datetime import datetime, timedelta

from exceptions.models import Case
from exceptions.rows import Count, Sla

MOST_COUNTED = 1_000
_WARN_SHARE = 0.75
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


def clock(
    *, due_at: datetime | None, opened_at: datetime, done_at: datetime | None, at: datetime
) -> Sla:
    """Say one clock: how much is left of it or by how much it ran over; one that is done rests."""
    if due_at is None:
        return Sla(None, "none", "clock", "No SLA")
    if done_at is not None:
        late = done_at - due_at
        text = "In time" if late <= timedelta() else f"{duration(late)} late"
        return Sla(due_at, "none", "clock", text)
    if at > due_at:
        return Sla(due_at, "bad", "triangle", f"{duration(at - due_at)} over")
    used, whole = at - opened_at, due_at - opened_at
    tone = "warn" if whole and used / whole >= _WARN_SHARE else "neutral"
    return Sla(due_at, tone, "clock", f"{duration(due_at - at)} left")


def state(case: Case) -> str:
    """Say where the work stands."""
    if case.state != Case.State.WAITING:
        return _STATES[case.state]
    if case.waiting_for == "snooze" and case.snoozed_until:
        return f"Snoozed until {moment(case.snoozed_until)}"
    return f"Waiting on {case.waiting_for or 'someone'}"


def moment(at: datetime) -> str:
    """Say a moment: "14:00 on 22 Nov"."""
    return f"{at:%H:%M} on {at.day} {at:%b}"


def count(number: int) -> Count:
    """Say a number that was counted to one more than 1,000 at most."""
    text = f"{MOST_COUNTED:,}+" if number > MOST_COUNTED else f"{number:,}"
    return Count(min(number, MOST_COUNTED), text)

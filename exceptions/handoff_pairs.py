"""Counts what handoffs between two teams came to, and the time lost with those that came back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.utils.http import urlencode

from exceptions import words
from exceptions.models import Handoff

_State = Handoff.State
ENDS = {
    _State.ACCEPTED: "Accepted",
    _State.BOUNCED: "Bounced",
    _State.LAPSED: "Not answered",
    _State.WITHDRAWN: "Taken back",
}
_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Cell:
    """How many exceptions had a handoff that ended so, and the list of them."""

    name: str
    number: int
    times: int  # one may have been handed over more than once
    href: str


@dataclass(frozen=True)
class Pair:
    """One team that hands over and one that is to take it."""

    from_team: str
    to_team: str
    cells: tuple[Cell, ...]  # in the order of `ENDS`
    lost: timedelta

    @property
    def lost_text(self) -> str:
        """Say how much time went with what came back."""
        return words.duration(self.lost) if self.lost else "none"


def pairs(*, since: datetime, until: datetime, team: str = "") -> list[Pair]:
    """List the pairs of teams whose handoffs ended in [since, until), the most time lost first."""
    found = Handoff.objects.filter(answered_at__gte=since, answered_at__lt=until, state__in=ENDS)
    if team:
        found = found.filter(Q(from_team__slug=team) | Q(to_team__slug=team))
    rows = found.values(
        "state",
        given=F("from_team__slug"),
        taken=F("to_team__slug"),
        given_name=F("from_team__name"),
        taken_name=F("to_team__name"),
    ).annotate(
        number=Count("case", distinct=True),
        times=Count("pk"),
        spent=Sum(F("answered_at") - F("sent_at")),
    )
    by_pair: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in rows.order_by("given_name", "taken_name"):
        by_pair.setdefault((each["given"], each["taken"]), []).append({**each})
    last = (until - _A_DAY).date()
    days = f"{since.date()}/{last}"
    made = [_pair(parts, days=days) for parts in by_pair.values()]
    return sorted(made, key=lambda pair: -pair.lost)


def takeaway(found: Iterable[Pair]) -> str:
    """Say in one sentence where handoffs go wrong."""
    worst = next((pair for pair in found if pair.lost), None)
    if worst is None:
        return "No handoff came back."
    return f"Most time was lost from {worst.from_team} to {worst.to_team}: {worst.lost_text}."


def _pair(parts: list[dict[str, Any]], *, days: str) -> Pair:
    by_state = {each["state"]: each for each in parts}
    first = parts[0]
    between = f"{first['given']}/{first['taken']}/{days}"
    return Pair(
        from_team=first["given_name"],
        to_team=first["taken_name"],
        cells=tuple(_cell(by_state.get(state), state, between) for state in ENDS),
        lost=sum(
            (each["spent"] for each in parts if each["state"] in Handoff.CAME_BACK), timedelta()
        ),
    )


def _cell(found: dict[str, Any] | None, state: str, between: str) -> Cell:
    filters = [("f", f"handoff:is:{state.lower()}/{between}"), ("f", "closed:is_any_of:true,false")]
    href = f"/exceptions/?{urlencode(filters)}"
    number, times = (found["number"], found["times"]) if found else (0, 0)
    return Cell(ENDS[Handoff.State(state)], number, times, href)

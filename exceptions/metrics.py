"""What the numbers on the metrics page are, as far as cases tell.

A period is [since, until). `team` is the slug of the team that works the cases; "" means all.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, F, Q, QuerySet

from exceptions.history_fields import settled_alone
from exceptions.models import Case
from reconciliation.metrics import Amount, Share, amounts
from reconciliation.models import Order

# Where a case's work goes from one pair of hands to another: read off its history, which has a
# row for every change. The first row is the opening, which is no handoff.
_HANDOFFS = """
SELECT count(*)
FROM (
    SELECT
        rows.history_date,
        rows.team_id,
        rows.owner_id,
        lag(rows.team_id) OVER changes AS team_before,
        lag(rows.owner_id) OVER changes AS owner_before
    FROM exceptions_historicalcase AS rows
    WINDOW changes AS (PARTITION BY rows.id ORDER BY rows.version, rows.history_id)
) AS changed
INNER JOIN reconciliation_team AS teams ON teams.id = changed.team_id
WHERE
    changed.history_date >= %(since)s
    AND changed.history_date < %(until)s
    AND (%(team)s = '' OR teams.slug = %(team)s)
    AND changed.team_before IS NOT NULL
    AND (
        changed.team_id <> changed.team_before
        OR changed.owner_id IS NOT NULL AND changed.owner_id IS DISTINCT FROM changed.owner_before
    )
"""


@dataclass(frozen=True)
class Handoffs:
    """How often work was handed to a person, and what that is for each 1,000 orders placed."""

    count: int
    orders: int

    @property
    def per_thousand(self) -> float | None:
        """Give the rate; None where no order was placed."""
        return 1000 * self.count / self.orders if self.orders else None


@dataclass(frozen=True)
class OpenWork:
    """One team's open cases by state."""

    team: str
    name: str
    by_state: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """Count them all."""
        return sum(count for _, count in self.by_state)


@dataclass(frozen=True)
class AgeBucket:
    """Open cases that have been open for at least `since`, and less than `until` (None: ever)."""

    name: str
    since: timedelta
    until: timedelta | None
    count: int
    at_risk: tuple[Amount, ...]


def settled_by_itself(*, since: datetime, until: datetime, team: str = "") -> Share:
    """Say how many of the cases opened in the period were settled without a person.

    A case counts as settled by itself if its check holds again through an automatic repair or the
    systems' own doing, and no person ever changed it. One that is still open counts against it.
    Leaves out dismissed cases: a person said that nothing was wrong.
    """
    opened = _of_team(Case.objects.filter(opened_at__gte=since, opened_at__lt=until), team)
    dismissed = opened.filter(state=Case.State.DISMISSED).count()
    return Share(
        numerator=opened.filter(settled_alone()).count(),
        denominator=opened.count() - dismissed,
        left_out=(("dismissed as fine", dismissed),),
    )


def settled_in_time(*, since: datetime, until: datetime, team: str = "") -> Share:
    """Say how many of the cases settled in the period were settled before they were due.

    Leaves out cases without a clock.
    """
    settled = _of_team(
        Case.objects.filter(closed_at__gte=since, closed_at__lt=until, state=Case.State.SETTLED),
        team,
    )
    timed = settled.filter(resolve_due_at__isnull=False)
    denominator = timed.count()
    return Share(
        numerator=timed.filter(closed_at__lte=F("resolve_due_at")).count(),
        denominator=denominator,
        left_out=(("without a clock", settled.count() - denominator),),
    )


def manual_handoffs(*, since: datetime, until: datetime, team: str = "") -> Handoffs:
    """Count how often a case was taken by, given to or passed on to people in the period."""
    with connection.cursor() as cursor:
        cursor.execute(_HANDOFFS, {"since": since, "until": until, "team": team})
        (count,) = cursor.fetchone()
    placed = Order.objects.filter(
        placed_at__gte=since, placed_at__lt=until, merged_into__isnull=True
    )
    return Handoffs(count=count, orders=placed.count())


def open_work(*, team: str = "") -> list[OpenWork]:
    """Count the open cases of each team by state, the busiest team first. Speaks of now."""
    counts = (
        _open(team)
        .values_list("team__slug", "team__name", "state")
        .annotate(count=Count("pk"))
        .order_by("team__name")
    )
    by_team: dict[tuple[str, str], dict[str, int]] = {}
    for slug, name, state, count in counts:
        by_team.setdefault((slug, name), {})[state] = count
    found = [
        OpenWork(
            slug,
            name,
            tuple((state, count[state]) for state in Case.State.values if state in count),
        )
        for (slug, name), count in by_team.items()
    ]
    return sorted(found, key=lambda work: (-work.total, work.name))


_BOUNDS = (
    ("under 4 h", timedelta(), timedelta(hours=4)),
    ("4 to 24 h", timedelta(hours=4), timedelta(hours=24)),
    ("1 to 3 days", timedelta(hours=24), timedelta(days=3)),
    ("over 3 days", timedelta(days=3), None),
)


def ageing(*, at: datetime, team: str = "") -> list[AgeBucket]:
    """Say how long open cases have been open by `at`, and what is at risk in each stretch."""
    found = []
    for name, since, until in _BOUNDS:
        rows = _open(team)
        if since:
            rows = rows.filter(opened_at__lte=at - since)
        if until is not None:
            rows = rows.filter(opened_at__gt=at - until)
        found.append(AgeBucket(name, since, until, rows.count(), tuple(amounts(rows))))
    return found


def _open(team: str) -> QuerySet[Case]:
    return _of_team(Case.objects.filter(closed_at__isnull=True), team)


def _of_team(rows: QuerySet[Case], team: str) -> QuerySet[Case]:
    return rows.filter(Q(team__slug=team) if team else Q())

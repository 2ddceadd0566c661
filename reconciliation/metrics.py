"""What the numbers on the metrics page are, as far as orders and discrepancies tell.

A period is [since, until). `team` is the slug of the team whose checks are meant; "" means all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from reconciliation import rulebook
from reconciliation.models import Discrepancy, Order, Waiver
from reconciliation.sql import load


@dataclass(frozen=True)
class Share:
    """A part of a whole, and what was left out of both: (words, count)."""

    numerator: int
    denominator: int
    left_out: tuple[tuple[str, int], ...] = ()

    @property
    def ratio(self) -> float | None:
        """Give the share from 0 to 1; None of nothing."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True)
class Durations:
    """How long things took: how many, the median, and what nine of ten stayed within."""

    count: int
    median: timedelta | None
    p90: timedelta | None


@dataclass(frozen=True)
class DayDurations:
    """How long took what came to its end on one day, in UTC."""

    date: date
    durations: Durations


@dataclass(frozen=True)
class Amount:
    """A sum in one currency, and how many things it adds up."""

    currency: str
    amount_minor: int
    count: int


@dataclass(frozen=True)
class Mode:
    """One failure mode among those of a period, most frequent first."""

    check_name: str
    title: str
    count: int
    running_share: float  # of all, with those before it
    is_automated: bool


def exception_rate(*, since: datetime, until: datetime, team: str = "") -> Share:
    """Say on how many of the orders placed in the period a discrepancy was ever opened.

    Counts an order once, however much is wrong with it. Leaves out merged orders.
    """
    placed = Order.objects.filter(placed_at__gte=since, placed_at__lt=until)
    standing = placed.filter(merged_into__isnull=True)
    broken = Exists(_of_team(Discrepancy.objects.filter(order=OuterRef("pk")), team))
    merged = placed.count() - (denominator := standing.count())
    return Share(
        numerator=standing.filter(broken).count(),
        denominator=denominator,
        left_out=(("merged into another order", merged),),
    )


def time_to_reconcile(*, since: datetime, until: datetime, team: str = "") -> Durations:
    """Say how long discrepancies cleared in the period were open.

    Leaves out what a person waived: nothing was put right there.
    """
    found = _durations(since=since, until=until, team=team, by_day=False)
    return found[0].durations if found else Durations(0, None, None)


def time_to_reconcile_by_day(
    *, since: datetime, until: datetime, team: str = ""
) -> list[DayDurations]:
    """Say the same for each day on which anything was cleared, in UTC."""
    return _durations(since=since, until=until, team=team, by_day=True)


def waived(*, since: datetime, until: datetime, team: str = "") -> int:
    """Count the discrepancies cleared in the period because a person waived them."""
    cleared = _of_team(
        Discrepancy.objects.filter(cleared_at__gte=since, cleared_at__lt=until), team
    )
    return cleared.filter(
        Exists(
            Waiver.objects.filter(
                order=OuterRef("order"),
                check_name=OuterRef("check_name"),
                at__gte=OuterRef("opened_at"),
                at__lte=OuterRef("cleared_at"),
            )
        )
    ).count()


def revenue_waiting(*, team: str = "") -> list[Amount]:
    """Sum what is at risk in all open discrepancies, by currency, the largest first.

    Speaks of now, not of a period. Discrepancies without an amount are not counted.
    """
    open_ = _of_team(Discrepancy.objects.filter(cleared_at__isnull=True, at_risk_minor__gt=0), team)
    return amounts(open_)


def amounts(rows: QuerySet[Any]) -> list[Amount]:
    """Sum `at_risk_minor` of rows by currency, the largest first."""
    sums = rows.values("currency").annotate(total=Sum("at_risk_minor"), count=Count("pk"))
    return [
        Amount(row["currency"], row["total"], row["count"])
        for row in sums.order_by("-total", "currency")
    ]


def failure_modes(*, since: datetime, until: datetime, team: str = "") -> list[Mode]:
    """Count the discrepancies opened in the period by check, most frequent first."""
    opened = _of_team(Discrepancy.objects.filter(opened_at__gte=since, opened_at__lt=until), team)
    counts = dict(
        opened.values_list("check_name")
        .annotate(count=Count("pk"))
        .order_by("-count", "check_name")
    )
    return list(_running(counts))


def _running(counts: Mapping[str, int]) -> Iterable[Mode]:
    rules = rulebook.live()
    titles = {check.name: check.title for check in rules.checks}
    total, seen = sum(counts.values()), 0
    for name, count in counts.items():
        seen += count
        yield Mode(
            check_name=name,
            title=titles.get(name, name),
            count=count,
            running_share=seen / total,
            is_automated=rules.automation(name) is not None,
        )


def _of_team(rows: QuerySet[Discrepancy], team: str) -> QuerySet[Discrepancy]:
    return rows.filter(Q(team__slug=team) if team else Q())


def _durations(*, since: datetime, until: datetime, team: str, by_day: bool) -> list[DayDurations]:
    with connection.cursor() as cursor:
        cursor.execute(
            load("metrics_durations"),
            {"since": since, "until": until, "team": team, "by_day": by_day},
        )
        return [
            DayDurations(day or since.date(), Durations(count, median, p90))
            for day, count, median, p90 in cursor.fetchall()
        ]

"""What every benchmark shares: paired rounds, medians, and one way to say them."""

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db import connection

Rates = Mapping[str, float]  # what was measured → how many a second


class Goal(NamedTuple):
    """One rate must be at least so many times another of the same round."""

    ours: str
    beside: str
    at_least: float


class Benchmark(NamedTuple):
    """What is measured: `play` takes orders and rounds, and gives the rates round by round."""

    unit: str
    play: Callable[[int, int], Iterator[Rates]]
    goals: tuple[Goal, ...]
    units: Mapping[str, str] = MappingProxyType({})  # of what is no rate


@dataclass(frozen=True)
class Row:
    """One rate, the median over the rounds."""

    what: str
    rate: float
    unit: str


@dataclass(frozen=True)
class Outcome:
    """One goal with the median of its ratio over the rounds."""

    what: str
    value: float
    goal: float
    holds: bool


@dataclass(frozen=True)
class Report:
    """All of one benchmark."""

    name: str
    machine: str
    rounds: int
    rows: list[Row]
    goals: list[Outcome]

    def as_json(self) -> dict[str, Any]:
        """Give it in plain values."""
        return asdict(self)


def run(*, name: str, benchmark: Benchmark, orders: int, rounds: int) -> Report:
    """Play all rounds in the database at hand."""
    played = list(benchmark.play(orders, rounds))
    rows = [
        Row(
            what,
            round(median(each[what] for each in played), 1),
            benchmark.units.get(what, f"{benchmark.unit}/s"),
        )
        for what in played[0]
    ]
    return Report(name, machine(), rounds, rows, [_judge(goal, played) for goal in benchmark.goals])


def _judge(goal: Goal, played: list[Rates]) -> Outcome:
    value = median(each[goal.ours] / each[goal.beside] for each in played)
    what = f"{goal.ours} / {goal.beside}"
    return Outcome(what, round(value, 3), goal.at_least, value >= goal.at_least)


def machine() -> str:
    """Say what all this ran on."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
    return f"{os.cpu_count()} cores, {platform.machine()}, PostgreSQL {version}"


def as_table(report: Report) -> str:
    """Lay a report out for people."""
    width = max(len(row.what) for row in report.rows)
    lines = [f"{report.name}, on {report.machine}, medians of {report.rounds} rounds", ""]
    lines += [f"{row.what:<{width}}  {row.rate:>10,.0f} {row.unit}" for row in report.rows]
    lines.append("")
    lines += [
        f"{goal.what}: {goal.value:.2f}, goal {goal.goal:g}: "
        + ("holds" if goal.holds else "MISSED")
        for goal in report.goals
    ]
    return "\n".join(lines)

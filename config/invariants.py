"""What must always be true, asked of the database once a minute, in production too."""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from django.db import DatabaseError, connection, transaction

from config import guards
from exceptions import clocks
from exceptions.models import Case
from reconciliation import heartbeat
from reconciliation.ledger import COLUMNS, every_position_sql, foreign_totals_differ_sql
from reconciliation.models import Heartbeat, Installation, Order, RulebookVersion, WriteBack

COMPONENT = "invariants"
EVERY = timedelta(seconds=60)
MOST_COUNTED = 1_000
_ALL = 2**62  # more than any id
_SAMPLE = 3
_SECONDS = 5  # the most that one question may take; the product's own work comes first
_FOLDER = Path(__file__).resolve().parent / "sql"
_log = structlog.get_logger(__name__)


class Invariant(NamedTuple):
    """What must hold, and what is wrong with the rows that its SQL file gives."""

    holds: str
    wrong: str  # after their number


# by the name of the SQL file, or of the question in Python
INVARIANTS: Mapping[str, Invariant] = {
    "orders_off_position": Invariant(
        "Totals are the sum of their entries",
        "orders have totals that their entries do not add up to",
    ),
    "orders_off_trail": Invariant(
        "Every move is on the audit trail", "orders have moved without a trace on the trail"
    ),
    "orders_off_history": Invariant(
        "History ends where the order stands", "orders differ from their newest history"
    ),
    "states_undeclared": Invariant(
        "Every state is a declared one", "rows are in a state that does not exist"
    ),
    "guards_lifted": Invariant(
        "The database guards every state machine",
        "guards over the state machines are missing, disabled or changed",
    ),
    "discrepancies_without_case": Invariant(
        "Every discrepancy has an exception", "discrepancies have no exception"
    ),
    "events_waiting": Invariant(
        "Events are applied within a minute", "events wait longer than a minute to be applied"
    ),
    "events_parked_too_long": Invariant(
        "Events without an order are reported", "events without an order were not reported"
    ),
    "rejections_forgotten": Invariant(
        "What could not be read or applied is worked on or settled",
        "messages or events that could not be read or applied were forgotten",
    ),
    "names_of_merged_orders": Invariant(
        "Every name leads to an order that stands", "names lead to an order that was merged"
    ),
    "merged_orders_counting": Invariant(
        "Nothing counts on a merged order", "merged orders still have facts or differences"
    ),
    "writebacks_stuck": Invariant(
        "Write-backs are tried on time", "write-backs are ten minutes late"
    ),
    "comparisons_missing": Invariant(
        "Every source is compared with its own records in time",
        "stretches of a source's records were not compared",
    ),
    "escalations_overdue": Invariant(
        "Escalation steps fire on time", "escalation steps did not fire"
    ),
    "escalations_missing": Invariant(
        "Every step of an escalation is planned or has fired",
        "exceptions have steps that are neither planned nor fired",
    ),
    "clocks_off_intervals": Invariant(
        "Due moments are what the clocks' intervals come to",
        "exceptions are due at another moment than their intervals say",
    ),
    "messages_late": Invariant("Messages are tried on time", "messages are ten minutes late"),
    "messages_failed": Invariant(
        "What is urgent reaches people outside",
        "urgent messages of the last day reached nobody outside",
    ),
    "cases_in_catch_all": Invariant(
        "Every exception is routed by a rule", "exceptions were routed by no rule"
    ),
    "cases_without_people": Invariant(
        "Every exception's team has members", "exceptions belong to a team without members"
    ),
    "trail_unsealed": Invariant(
        "The audit trail is sealed within seconds", "rows of the audit trail wait for their seal"
    ),
    "trail_cut": Invariant("Seals fit the audit trail", "seals do not fit the audit trail"),
}


# Business hours are reckoned in Python: which of the cases, low < id <= high, are wrong?
_RECKONED: Mapping[str, Callable[[int, int], list[int]]] = {
    "clocks_off_intervals": lambda low, high: clocks.differing(low=low, high=high)
}
_MOST_CASES = 1_000


class Finding(NamedTuple):
    """What one question came to."""

    name: str
    rows: int | None  # up to MOST_COUNTED; None: it could not be answered
    sample: list[str]

    @property
    def holds(self) -> bool:
        """Tell whether it is known to hold."""
        return self.rows == 0

    @property
    def sentence(self) -> str:
        """Say it in words."""
        holds, wrong = INVARIANTS.get(self.name, (self.name, self.name))
        if self.rows is None:
            return f"{holds}: not known, the database did not answer in time."
        number = f"more than {MOST_COUNTED:,}" if self.rows > MOST_COUNTED else f"{self.rows:,}"
        examples = f" ({', '.join(self.sample)})" if self.sample else ""
        return f"{number} {wrong}{examples}." if self.rows else f"{holds}."


def take(*, limit: int, at: datetime) -> int:
    """Ask every question if a minute has passed; says how many do not hold.

    Looks at the next `limit` orders; the answers stay in the heartbeat of this component. While
    a demo's past is driven, whose days pass in seconds, nothing is late.
    """
    known = Heartbeat.objects.filter(component=COMPONENT).first()
    if known is not None and _true_now() - known.at < EVERY:
        return 0
    before = known.details if known else {}
    low, high = _window(Order, after=int(before.get("orders_to", 0)), limit=limit)
    of_cases = _window(Case, after=int(before.get("cases_to", 0)), limit=min(limit, _MOST_CASES))
    asked = _untimed() if _is_simulating() else tuple(INVARIANTS)
    findings = check(at=at, low=low, high=high, cases=of_cases, names=asked)
    heartbeat.beat(
        component=COMPONENT,
        details={
            "findings": [finding._asdict() for finding in findings],
            "orders_to": high,
            "cases_to": of_cases[1],
        },
    )
    return sum(not finding.holds for finding in findings)


def check(
    *,
    at: datetime,
    low: int = 0,
    high: int | None = None,
    cases: tuple[int, int] = (0, _ALL),
    names: Collection[str] = tuple(INVARIANTS),
) -> list[Finding]:
    """Ask these questions; of the orders, those with low < id <= high, all of them by default.

    `cases` bounds the exceptions in the same way where each has to be reckoned.
    """
    asked = {"at": at, "low": low, "high": _ALL if high is None else high, **_declared()}
    return [_reckon(name, cases) if name in _RECKONED else _ask(name, asked) for name in names]


def last_findings() -> tuple[list[Finding], datetime | None]:
    """Give what was found last, and when by the true clock."""
    known = Heartbeat.objects.filter(component=COMPONENT).first()
    if known is None:
        return [], None
    found = known.details.get("findings", [])
    return [Finding(**finding) for finding in found], known.at


def _ask(name: str, asked: Mapping[str, Any]) -> Finding:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, TRUE)", [f"{_SECONDS}s"])
            cursor.execute(
                f"SELECT found.subject FROM ({_sql(name)}) AS found LIMIT %(most)s",  # noqa: S608
                {**asked, "most": MOST_COUNTED + 1},
            )
            subjects = [str(subject) for (subject,) in cursor.fetchall()]
            cursor.execute("SELECT set_config('statement_timeout', '0', TRUE)")
    except DatabaseError as failure:
        _log.warning("invariant.unknown", name=name, error=str(failure))
        return Finding(name, None, [])
    return Finding(name, len(subjects), subjects[:_SAMPLE])


def _reckon(name: str, cases: tuple[int, int]) -> Finding:
    wrong = _RECKONED[name](*cases)
    sample = [f"exception #{pk}" for pk in wrong[:_SAMPLE]]
    return Finding(name, min(len(wrong), MOST_COUNTED + 1), sample)


@cache
def _sql(name: str) -> str:
    text = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    if name != "orders_off_position":
        return text
    scope = "SELECT id AS order_id FROM reconciliation_order WHERE id > %(low)s AND id <= %(high)s"
    pairs = (f"orders.{column} IS DISTINCT FROM positions.{column}" for column in COLUMNS)
    return text.format(
        position=every_position_sql(scope=scope),
        differs="\n    OR ".join(pairs),
        foreign=foreign_totals_differ_sql(scope=scope),
    )


def _untimed() -> tuple[str, ...]:
    timed = (name for name in INVARIANTS if name not in _RECKONED and "%(at)s" in _sql(name))
    return tuple(INVARIANTS.keys() - set(timed))


def _is_simulating() -> bool:
    return Installation.objects.filter(simulated_now__isnull=False).exists()


def _declared() -> dict[str, Any]:
    return {
        "guards": json.dumps(guards.declared()),
        "order_states": Order.State.values,
        "case_states": Case.State.values,
        "writeback_states": WriteBack.State.values,
        "rulebook_states": RulebookVersion.State.values,
    }


def _window(model: type[Order] | type[Case], *, after: int, limit: int) -> tuple[int, int]:
    """Give the next stretch of rows; from the beginning again after the last."""
    beyond = model.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
    ids = list(beyond[:limit])
    if not ids and after:
        return _window(model, after=0, limit=limit)
    return (after, ids[-1]) if ids else (0, 0)


def _true_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (moment,) = cursor.fetchone()
    assert isinstance(moment, datetime)
    return moment

"""Judges orders: runs the live rulebook's checks over those that are due, a batch at a time.

A batch is one transaction. What it finds becomes discrepancies, the orders' verdicts and moves,
and the moment at which each order must be judged again. Waiting is not broken: what is not due
yet opens nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from audit.record import statement
from reconciliation import laid_out, lifecycle, rulebook
from reconciliation.checks import compiled, working_days
from reconciliation.models import Order, Run, Team
from reconciliation.rulebook import Rulebook
from reconciliation.sql import array, load

ACTOR = "service:reconcile"
BATCH = 10_000  # measured: half as many is a tenth slower, twice as many gains a thirtieth

_Statement = tuple[str, Mapping[str, Any]]  # with its parameters
_LAY_OUT_CHECKS = (
    "INSERT INTO pass_check SELECT *"
    " FROM unnest(%(names)s::text[], %(titles)s::text[], %(teams)s::bigint[])"
)
_NOTE_TIMES = (
    "UPDATE reconciliation_run SET started_at = COALESCE(%(started_at)s, started_at),"
    " finished_at = clock_timestamp() WHERE id = %(id)s"
)


@dataclass(frozen=True)
class Counts:
    """What a pass found: judged = holds + waiting + broken."""

    judged: int = 0
    holds: int = 0
    waiting: int = 0
    broken: int = 0
    opened: int = 0
    cleared: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return Counts(*(mine + theirs for mine, theirs in pairs))


@transaction.atomic
def take(*, limit: int, at: datetime) -> int:
    """Judge up to `limit` orders that are due, and note the pass; says how many it judged."""
    with connection.cursor() as cursor:
        cursor.execute(load("pass_take_due"), {"at": at, "batch_limit": limit})
        taken = [order_id for (order_id,) in cursor.fetchall()]
    if not taken:
        return 0
    rules = rulebook.live()
    counts = _judge(taken, rules=rules, at=at)
    note(counts, scope="due", at=at)
    return len(taken)


@transaction.atomic
def judge(*, order_ids: Sequence[int], at: datetime) -> Counts:
    """Judge these orders now, due or not, and say what was found."""
    ids = sorted(set(order_ids))
    with connection.cursor() as cursor:
        cursor.execute(load("lock_orders"), {"order_ids": array(ids)})
    return _judge(ids, rules=rulebook.live(), at=at)


def judge_all(*, at: datetime) -> Counts:
    """Judge every order, in batches that stand for themselves, and note one pass.

    The safety net under the due marks: in a healthy product it opens and clears nothing.
    """
    total, last = Counts(), 0
    while ids := list(
        Order.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]
    ):
        total += judge(order_ids=ids, at=at)
        last = ids[-1]
    note(total, scope="all", at=at)
    return total


def note(counts: Counts, *, scope: str, at: datetime, started_at: datetime | None = None) -> None:
    """Keep what a pass found, which began at `started_at`, or in this transaction."""
    run = Run.objects.create(
        scope=scope, rulebook_version=rulebook.live().number, at=at, **asdict(counts)
    )
    _run((_NOTE_TIMES, {"id": run.pk, "started_at": started_at}))


def _judge(ids: Sequence[int], *, rules: Rulebook, at: datetime) -> Counts:
    """Judge orders whose rows are locked."""
    given = {
        "at": at,
        "actor": ACTOR,
        "order_ids": array(ids),
        "rulebook_version": rules.number,
        "close_days": rules.close_after_days,
        "stage_checks": rules.stage_checks(),
        **_rests(rules),
    }
    _run(
        *_gathered(rules, ids),
        *_checked(rules, at),
        *(
            (load(step), given)
            for step in ("pass_waivers", "pass_rests", "pass_keep", "pass_open", "pass_clear")
        ),
        (load("pass_trail").format(record=statement("given")), given),
        *_payouts_decided(rules, at),
        (load("pass_decide"), given),
        (load("pass_families"), given),
    )
    lifecycle.advance_judged(actor=ACTOR, at=at, rulebook_version=rules.number)
    _run((load("pass_rechecks"), given))
    return _counts()


def _gathered(rules: Rulebook, ids: Sequence[int]) -> Iterator[_Statement]:
    """Lay out the batch: its orders as they stand, and the checks with their teams."""
    teams = dict(Team.objects.values_list("slug", "pk"))
    checks = rules.order_checks()
    yield laid_out.tables(), {}
    yield laid_out.orders(), {"order_ids": array(ids)}
    yield (
        _LAY_OUT_CHECKS,
        {
            "names": [check.name for check in checks],
            "titles": [check.title for check in checks],
            "teams": [teams[check.team] for check in checks],
        },
    )
    yield "ANALYZE pass_order (id)", {}


def _checked(rules: Rulebook, at: datetime) -> Iterator[_Statement]:
    """Run every check over the batch, and keep what does not hold."""
    for check in rules.order_checks():
        query = compiled(check, "pass_order")
        yield (
            load("pass_judge").format(query=query.text),
            {
                **query.parameters,
                **working_days(check, rules=rules, at=at),
                "check_name": check.name,
                "at": at,
            },
        )
    yield "ANALYZE pass_judgement", {}


def _payouts_decided(rules: Rulebook, at: datetime) -> Iterator[_Statement]:
    """Put on each sub-order's trail what its split rule says of its payout, where that is news."""
    checks = rules.order_checks()
    late = [check.name for check in checks if check.parameters.get("to") == "paid_out_at"]
    for check in (check for check in checks if check.family == "split"):
        query = compiled(check, "pass_order")
        yield (
            load("pass_payouts").format(query=query.text, record=statement("given")),
            {
                **query.parameters,
                **working_days(check, rules=rules, at=at),
                "check_name": check.name,
                "title": check.title,
                "late_checks": late,
                "rulebook_version": rules.number,
                "actor": ACTOR,
                "at": at,
            },
        )


def _rests(rules: Rulebook) -> dict[str, list[str]]:
    pairs = [
        (check.name, foundation)
        for check in rules.order_checks()
        for foundation in rules.foundations(check.name)
    ]
    return {"check_names": [name for name, _ in pairs], "foundations": [base for _, base in pairs]}


def _counts() -> Counts:
    with connection.cursor() as cursor:
        cursor.execute(load("pass_counts"))
        return Counts(*cursor.fetchone())


def _run(*statements: _Statement) -> None:
    """Run statements one after another, in one message: the server waits for no answer of ours."""
    compose = connection.ops.compose_sql  # type: ignore[attr-defined] # PostgreSQL's own
    texts = [compose(text, given or None) for text, given in statements]
    with connection.cursor() as cursor:
        cursor.execute(";\n".join(texts))

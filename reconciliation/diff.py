"""Compares a source's own records with what it has told us, one stretch of time after another.

Each window is a row, made when it is over, compared once, and compared again while the two sides
are apart. The records are fetched outside any transaction, so a source that is slow holds nothing
up; a fetch that fails comes again, and ends in a case.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q

from audit.record import record
from reconciliation import discrepancies, ingest, names, validate
from reconciliation.models import (
    DiffFinding,
    DiffSchedule,
    DiffWindow,
    Discrepancy,
    Order,
    Recheck,
    Source,
)
from reconciliation.normalise import Name, names_in
from reconciliation.sources import canonical, exports
from reconciliation.sql import load
from reconciliation.validate import Message

ACTOR = "service:diff"
FAILED_CHECK = "diff_failed"
CHECKS = {  # by kind of finding
    "DIFFERENT": "diff_different",
    "ONLY_HERE": "diff_only_here",
    "ONLY_THERE": "diff_only_there",
}
BRING_AGAIN = "Nothing fetches this source's records. Upload its export again. Nothing changed."
MOST_TRIES = 6
MOST_CASES = 200  # of one kind from one window; more than that has one cause, and is one case
_DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
_LEASE = timedelta(minutes=10)
_TAKE_SECONDS = 10.0  # with the longest fetch on top still inside a worker's time
_COMPARED_AGAIN_FOR = timedelta(days=14)
_AGAIN_AT_LEAST = timedelta(hours=1)
_MOST_PLANNED = 1_000
_BATCH = 500
_State = DiffWindow.State


class CannotCompare(Exception):
    """The window cannot be compared as asked; the message may be shown."""


class _TakenOver(Exception):
    """Another worker has this window by now; what this one found is dropped."""


def take(*, limit: int, at: datetime) -> int:
    """Compare up to `limit` windows that are due, the oldest first; says how many were tried."""
    _run("diff_plan", {"at": at, "batch_limit": _MOST_PLANNED})
    ends_at = time.monotonic() + _TAKE_SECONDS
    for done in range(limit):
        window = _claim(at=at) if time.monotonic() < ends_at else None
        if window is None:
            return done
        _compare(window, at=at)
    return limit


@transaction.atomic
def compare_again(*, window_id: int, by: User, at: datetime) -> DiffWindow:
    """Have a window compared anew, at once, with all its tries. Raises CannotCompare."""
    window = DiffWindow.objects.select_for_update(no_key=True).get(pk=window_id)
    if window.state == _State.RUNNING and window.claimed_until and window.claimed_until > at:
        raise CannotCompare("It is being compared right now. Nothing changed.")
    if not DiffSchedule.objects.filter(source=window.source_id).exists():
        raise CannotCompare(BRING_AGAIN)
    record(
        stream="source",
        subject_id=window.source_id,
        action="diff.asked_again",
        actor=by.get_username(),
        at=at,
        detail={"since": window.since, "until": window.until},
    )
    window.state, window.attempts, window.next_attempt_at = _State.DUE, 0, at
    window.save(update_fields=["state", "attempts", "next_attempt_at"])
    return window


def compare_with(
    *, source: Source, messages: Iterable[Message], since: datetime, until: datetime,
    types: Sequence[str], at: datetime,
) -> DiffWindow:  # fmt: skip
    """Compare a full export that a person has brought, as the window from `since` to `until`."""
    window, _ = DiffWindow.objects.get_or_create(
        source=source, since=since, defaults={"until": until}
    )
    if window.until != until:
        raise CannotCompare(
            f"There is a window from {since:%d %b %Y %H:%M} already; it ends at"
            f" {window.until:%d %b %Y %H:%M}."
        )
    _claimed(window, at=at)
    window.unreadable = _stage([messages])
    _finish(window, types=types, taken_in=0, again_at=None, at=at)
    return window


def _claim(*, at: datetime) -> DiffWindow | None:
    """Take one window for a try, which counts before it is made."""
    with transaction.atomic():
        window = (
            DiffWindow.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(next_attempt_at__lte=at, source__is_paused=False)
            .filter(~Q(state=_State.RUNNING) | Q(claimed_until__lte=at))
            .order_by("since", "pk")
            .first()
        )
        if window is not None:
            _claimed(window, at=at)
        return window


def _claimed(window: DiffWindow, *, at: datetime) -> None:
    window.state, window.attempts = _State.RUNNING, window.attempts + 1
    window.claim_token, window.claimed_until = uuid4(), at + _LEASE
    window.save(update_fields=["state", "attempts", "claim_token", "claimed_until"])


def _compare(window: DiffWindow, *, at: datetime) -> None:
    schedule = DiffSchedule.objects.select_related("source").get(source_id=window.source_id)
    pages = exports.fetch(schedule=schedule, since=window.since, until=window.until)
    try:
        window.unreadable = _stage(map(validate.batch, pages))
        taken_in = _take_in(schedule, window, at=at) if schedule.takes_in else 0
        _finish(
            window,
            types=schedule.types,
            taken_in=taken_in,
            again_at=_again_at(schedule, window, at=at),
            at=at,
        )
    except exports.CannotFetch as failure:
        _fail(window, error=str(failure), at=at)
    except _TakenOver:
        return


def _stage(pages: Iterable[Iterable[Message]]) -> int:
    """Lay down what the source holds; says how much of it could not be read as an event."""
    _run("diff_tables", {})
    places, unreadable = count(), 0
    for page in pages:
        left = iter(page)
        while batch := list(islice(left, _BATCH)):
            readable = [message for message in batch if not message.problems]
            unreadable += len(batch) - len(readable)
            _stage_batch(places, readable)
    return unreadable


def _stage_batch(places: "count[int]", messages: Sequence[Message]) -> None:
    rows = [(message.envelope["type"], message.envelope["data"], message) for message in messages]
    _run(
        "diff_stage",
        {
            "places": list(islice(places, len(rows))),
            "types": [type_ for type_, _, _ in rows],
            "references": [canonical.reference(type_=type_, data=data) for type_, data, _ in rows],
            "order_references": [str(data.get("order", "")) for _, data, _ in rows],
            "moments": [message.occurred_at for _, _, message in rows],
            "data": [validate.as_json(data) for _, data, _ in rows],
            "raw": [message.raw.decode() for _, _, message in rows],
        },
    )


def _put_side_by_side(window: DiffWindow, types: Sequence[str]) -> None:
    _run("diff_compare", _scope(window, types))


def _take_in(schedule: DiffSchedule, window: DiffWindow, *, at: datetime) -> int:
    """Store what we were never told, in the source's own words; says how much that was."""
    _put_side_by_side(window, schedule.types)
    missing = _rows(
        "SELECT records.raw FROM diff_record AS records INNER JOIN diff_found AS found"
        " ON found.type = records.type AND found.reference = records.reference"
        " WHERE found.kind = 'ONLY_THERE' ORDER BY records.place"
    )
    messages = [validate.structured(str(raw).encode()) for (raw,) in missing]
    taken = 0
    for start in range(0, len(messages), _BATCH):
        receipts = ingest.store(
            source=schedule.source, messages=messages[start : start + _BATCH], at=at
        )
        taken += sum(receipt.verdict is ingest.Verdict.NEW for receipt in receipts)
    return taken


@transaction.atomic
def _finish(
    window: DiffWindow, *, types: Sequence[str], taken_in: int, again_at: datetime | None,
    at: datetime,
) -> None:  # fmt: skip
    """Keep what the comparison found, and open and clear what follows from it."""
    Source.objects.select_for_update(no_key=True).get(pk=window.source_id)
    _check_token(window, window.claim_token)
    _put_side_by_side(window, types)
    _find_orders(window.source_id)
    _run("diff_findings", {**_scope(window, types), "window_id": window.pk, "at": at})
    counts = dict(_rows("SELECT lower(kind), count(*) FROM diff_found GROUP BY kind"))
    for name in ("matched", "different", "only_here", "only_there"):
        setattr(window, name, counts.get(name, 0))
    window.totals, window.taken_in = _totals(), window.taken_in + taken_in
    is_apart = DiffFinding.objects.filter(window=window, cleared_at__isnull=True).exists()
    window.state, window.error, window.finished_at = _State.DONE, "", at
    window.attempts, window.claim_token, window.claimed_until = 0, None, None
    window.next_attempt_at = again_at if is_apart else None
    _record(window, "diff.compared", {**counts, "taken_in": taken_in}, at=at)
    window.save()
    _report(window, at=at)


def _find_orders(source_id: int) -> None:
    """Find the orders of records that only the source holds."""
    lost = _rows(
        "SELECT type, reference, order_reference, there FROM diff_found"
        " WHERE kind = 'ONLY_THERE' AND order_id IS NULL"
    )
    askers = [
        names.Asker(number, source_id, (Name("order", order_reference), *names_in(_json(there))))
        for number, (_, _, order_reference, there) in enumerate(lost)
    ]
    for number, order_id in names.find_orders(askers).items():
        type_, reference, *_ = lost[number]
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE diff_found SET order_id = %s WHERE type = %s AND reference = %s",
                [order_id, type_, reference],
            )


def _report(window: DiffWindow, *, at: datetime) -> None:
    """Open a discrepancy for each order apart, and clear those whose records agree by now."""
    source = window.source
    found = DiffFinding.objects.filter(source=source, cleared_at__isnull=True)
    for kind, check_name in CHECKS.items():
        here = found.filter(window=window, kind=kind)
        on_orders = here.filter(order__isnull=False).values_list("order_id", flat=True)
        order_ids = sorted(set(on_orders))
        if len(order_ids) > MOST_CASES or here.filter(order__isnull=True).exists():
            _open(check_name, here, at=at, source=source)
        if len(order_ids) <= MOST_CASES:
            for order in Order.objects.filter(pk__in=order_ids):
                _open(check_name, here.filter(order=order), at=at, order=order)
                _ask_for_judgement(order, at=at)
        _clear(check_name, kind, source, at=at)
    if not DiffWindow.objects.filter(source=source, state=_State.FAILED).exists():
        discrepancies.clear(check_name=FAILED_CHECK, source=source, at=at)


def _open(check_name: str, findings: Any, *, at: datetime, **subject: Any) -> None:  # noqa: ANN401
    listed = list(findings.order_by("pk").values("type", "reference", "differences")[:20])
    sums = list(findings.values_list("amount_minor", "currency"))
    currencies = {currency for _, currency in sums}
    is_one = len(currencies) == 1  # amounts in several do not add up
    discrepancies.open_for(
        check_name=check_name,
        details={"records": listed, "count": len(sums)},
        at_risk_minor=sum(amount for amount, _ in sums) if is_one else 0,
        currency=currencies.pop() if is_one else "",
        at=at,
        **subject,
    )


def _clear(check_name: str, kind: str, source: Source, *, at: datetime) -> None:
    """Clear what no open finding stands behind any more."""
    still = DiffFinding.objects.filter(kind=kind, cleared_at__isnull=True)
    open_now = Discrepancy.objects.filter(check_name=check_name, cleared_at__isnull=True)
    on_orders = open_now.filter(order__isnull=False).exclude(
        order_id__in=still.filter(order__isnull=False).values("order_id")
    )
    for discrepancy in on_orders.select_related("order"):
        discrepancies.clear(check_name=check_name, order=discrepancy.order, at=at)
        _ask_for_judgement(discrepancy.order, at=at)
    if not still.filter(source=source).exists():
        discrepancies.clear(check_name=check_name, source=source, at=at)


def _ask_for_judgement(order: Order | None, *, at: datetime) -> None:
    Recheck.objects.update_or_create(order=order, defaults={"due_at": at, "reason": "comparison"})


@transaction.atomic
def _fail(window: DiffWindow, *, error: str, at: datetime) -> None:
    """Note a fetch that failed: it comes again, or after the last try is a case."""
    source = Source.objects.select_for_update(no_key=True).get(pk=window.source_id)
    try:
        _check_token(window, window.claim_token)
    except _TakenOver:
        return
    is_last = window.attempts >= MOST_TRIES
    window.state = _State.FAILED if is_last else _State.DUE
    window.next_attempt_at = None if is_last else at + _DELAYS[window.attempts - 1]
    window.error, window.claim_token, window.claimed_until = error, None, None
    _record(window, "diff.failed" if is_last else "diff.tried", {"error": error}, at=at)
    window.save()
    if is_last:
        discrepancies.open_for(
            check_name=FAILED_CHECK,
            source=source,
            details={"error": error, "since": window.since, "until": window.until},
            at=at,
        )


def _check_token(window: DiffWindow, token: UUID | None) -> None:
    """Make sure that the window is still ours; its lease may have run out meanwhile."""
    held = DiffWindow.objects.select_for_update(no_key=True).values_list("claim_token", flat=True)
    if held.get(pk=window.pk) != token:
        raise _TakenOver


def _again_at(schedule: DiffSchedule, window: DiffWindow, *, at: datetime) -> datetime | None:
    if at >= window.until + _COMPARED_AGAIN_FOR:
        return None
    return at + max(timedelta(seconds=schedule.every_seconds), _AGAIN_AT_LEAST)


def _scope(window: DiffWindow, types: Sequence[str]) -> dict[str, Any]:
    return {
        "source_id": window.source_id,
        "types": list(types),
        "since": window.since,
        "until": window.until,
    }


def _totals() -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(load("diff_totals"))
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def _record(window: DiffWindow, action: str, detail: Mapping[str, Any], *, at: datetime) -> None:
    record(
        stream="source",
        subject_id=window.source_id,
        action=action,
        actor=ACTOR,
        at=at,
        detail={"since": window.since, "until": window.until, **detail},
    )


def _run(name: str, given: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(load(name), dict(given) or None)


def _rows(text: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text)
        return list(cursor.fetchall())


def _json(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else orjson.loads(str(value))

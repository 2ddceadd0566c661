"""Puts an order right that is not what its events come to: only when a person asks, with a reason.

Entries are taken out by reversing ones and added under their event, names and events go where the
rebuild has them, and totals and state follow by the same code that any fact goes through.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction

from audit.record import record
from reconciliation import ledger, names, replay
from reconciliation.lifecycle import advance
from reconciliation.models import Alias, Event, Order, Recheck
from reconciliation.normalise import Name
from reconciliation.parting import (
    Image,
    Parting,
    Rebuilt,
    aliases_more,
    entries_more,
    events_placed_otherwise,
    partings,
)
from reconciliation.sql import load

_MAY = frozenset({"Platform owner", "Admin"})
_MOST_TOLD = 50  # differences on one row of the trail
_ENTRY = (
    "event_id", "kind", "line", "amount_minor", "currency", "quantity", "reference", "occurred_at",
)  # fmt: skip


class NotAllowed(Exception):
    """This person may not put orders right; the message may be shown to them."""


class CannotPutRight(Exception):
    """The order cannot be put right so; the message may be shown. Nothing was changed."""


def refusal(user: User) -> str:
    """Say why `user` may not put orders right; "" if they may."""
    if user.is_superuser or user.groups.filter(name__in=_MAY).exists():
        return ""
    return "Needs Platform owner or Admin: only they replay many orders, or put live right."


def check_may(user: User) -> None:
    """Raise NotAllowed unless `user` may put orders right."""
    if why_not := refusal(user):
        raise NotAllowed(why_not)


@transaction.atomic
def put_right(*, order_id: int, reason: str, by: User, at: datetime) -> list[Parting]:
    """Make an order and those bound to it what their events come to; says what was otherwise.

    Raises NotAllowed, or CannotPutRight if there is no reason, nothing differs, or the rebuild
    shows what cannot be put right this way.
    """
    check_may(by)
    if not reason.strip():
        raise CannotPutRight("Say why. The reason stays on the order's trail.")
    both = _locked(order_id, at=at)
    found = partings(both)
    if not found:
        raise CannotPutRight("Live is what the events come to. Nothing was changed.")
    changed = [both.live[each.order].order_id for each in found if _is_on_both(both, each)]
    for each in found:
        if _is_on_both(both, each):
            _record(both.live[each.order], each, reason=reason.strip(), by=by, at=at)
    _place_events(both, at=at)
    for each in found:
        if _is_on_both(both, each):
            _write(both.live[each.order], both.scratch[each.order])
    _follow(changed, by=by, at=at)
    _check_done(_ids(both), at=at)
    return found


def _locked(order_id: int, *, at: datetime) -> Rebuilt:
    """Rebuild the order and all that are bound to it, once their live rows are locked."""
    ids = _ids(replay.rebuild(order_ids=[order_id], at=at))
    with connection.cursor() as cursor:
        cursor.execute(load("lock_orders"), {"order_ids": ids})
    both = replay.rebuild(order_ids=ids, at=at)
    if _ids(both) != ids:
        raise CannotPutRight("Another order was bound to this one meanwhile. Look again.")
    return both


def _ids(both: Rebuilt) -> list[int]:
    return sorted(image.order_id for image in both.live.values())


def _is_on_both(both: Rebuilt, each: Parting) -> bool:
    return each.order in both.live and each.order in both.scratch


def _record(live: Image, each: Parting, *, reason: str, by: User, at: datetime) -> None:
    record(
        stream="order",
        subject_id=live.order_id,
        action="order.put_right",
        actor=by.get_username(),
        at=at,
        reason=reason,
        cause_event_id=each.event_id,
        detail={
            "count": len(each.differences),
            "differences": [asdict(one) for one in each.differences[:_MOST_TOLD]],
        },
    )


def _place_events(both: Rebuilt, *, at: datetime) -> None:
    """Note for each event what the rebuild made of it."""
    ids = {image.canonical_id: image.order_id for image in both.live.values()}
    for event_id, (status, order) in sorted(events_placed_otherwise(both).items()):
        Event.objects.filter(pk=event_id).update(
            status=status,
            order_id=ids.get(order),
            applied_at=at if status == Event.Status.APPLIED else None,
            duplicate_of_id=both.duplicates.get(event_id),
        )


def _write(live: Image, scratch: Image) -> None:
    """Bring entries and names of one order to what the rebuild has."""
    wrong = [row["id"] for row in entries_more(live, scratch)]
    _run("take_out_wrong_entries", {"entry_ids": wrong})
    lost = entries_more(scratch, live)
    columns: dict[str, Any] = {name: [row[name] for row in lost] for name in _ENTRY}
    _run("put_back_entries", {**columns, "order_id": [live.order_id] * len(lost)})
    Alias.objects.filter(pk__in=[row["id"] for row in aliases_more(live, scratch)]).delete()
    names.teach(
        [
            names.Lesson(
                row["source_id"], Name(row["kind"], row["value"]), live.order_id, row["event_id"]
            )
            for row in aliases_more(scratch, live)
        ]
    )


def _follow(order_ids: Sequence[int], *, by: User, at: datetime) -> None:
    """Let totals, state and the next judgement follow from the entries."""
    ledger.rewrite_lines(order_ids)
    ledger.recompute(order_ids)
    open_ids = list(
        Order.objects.filter(pk__in=order_ids, merged_into=None).values_list("pk", flat=True)
    )
    advance(order_ids=open_ids, actor=by.get_username(), at=at)
    Recheck.objects.bulk_create(
        [Recheck(order_id=order_id, due_at=at) for order_id in sorted(open_ids)],
        update_conflicts=True,
        unique_fields=["order"],
        update_fields=["due_at"],
    )


def _check_done(ids: Sequence[int], *, at: datetime) -> None:
    left = partings(replay.rebuild(order_ids=ids, at=at))
    if left:
        first = left[0].differences[0]
        raise CannotPutRight(
            f"{left[0].order} would still differ in {first.part} {first.what}. Nothing was changed."
        )


def _run(name: str, given: dict[str, Any]) -> None:
    if all(given.values()):
        with connection.cursor() as cursor:
            cursor.execute(load(name), given)

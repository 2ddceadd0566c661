"""Judges one order by every check, as it stands or as it stood at a past moment; writes nothing.

A past moment is asked of the same verbs: the events that had come in by then are folded anew in a
scratch copy, and the rulebook that was live then judges what they come to.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from reconciliation import laid_out, replay, rulebook
from reconciliation.checks import compiled, working_days
from reconciliation.fields import ORDER
from reconciliation.models import Entry, Order, RulebookVersion, Waiver
from reconciliation.rulebook import Check, Condition, Rulebook
from reconciliation.sql import array

_STANDS = ("BROKEN", "WAITING")
# Families that judge some orders alone, and say each of those.
_OF_SOME = ("split", "parts")
# What of sub-orders counts for their whole; what of the whole for a sub-order; and by its lines.
_OF_PARTS = (
    "ORDERED", "CANCELLED", "SHIPPED", "DELIVERED", "RETURNED", "FULFILMENT_RECORDED", "ACTIVATED",
    "DEACTIVATED", "PAID_OUT",
)  # fmt: skip
_OF_WHOLE = ("CONFIRMED", "CANCELLED", "INVOICED", "FULFILMENT_RECORDED")
_OF_LINES = ("SHIPPED", "DELIVERED", "RETURNED")
_JUDGED = (
    "SELECT judged.*, encode(sha256(convert_to(judged.details::text, 'UTF8')), 'hex')"
    " AS values_sha256 FROM (\n{query}\n) AS judged"
)


class NothingKnown(Exception):
    """Nothing was known of the order at that moment, or no rules were live."""


@dataclass(frozen=True)
class Verdict:
    """What one check says of the order; `unmet` is what keeps it from saying more."""

    check: Check
    said: str  # BROKEN, WAITING, WAIVED, NOT_JUDGED, HOLDS, NOT_APPLICABLE
    due_at: datetime | None = None
    at_risk_minor: int = 0
    expected_minor: int | None = None
    actual_minor: int | None = None
    details: Mapping[str, Any] | None = None
    rests_on: tuple[str, ...] = ()  # checks under it that are broken or waiting
    unmet: tuple[Condition, ...] = ()
    waiver: Waiver | None = None


@dataclass(frozen=True)
class Standing:
    """An order at a moment: its fields, its entries, and every check's verdict."""

    at: datetime
    state: str
    currency: str
    rules: Rulebook
    values: Mapping[str, Any]  # by field of the registry
    entries: Sequence[Entry]
    relatives: Sequence[Entry]  # what was told of its whole or its parts, and counts here too
    undone: frozenset[int]  # entries that were reversed, and their reversals
    verdicts: Sequence[Verdict]


@transaction.atomic
def now(*, order: Order, at: datetime) -> Standing:
    """Judge an order as it stands."""
    waivers = _waivers(order, at)
    return _standing(order, state=order.state, rules=rulebook.live(), waivers=waivers, at=at)


def as_of(*, order: Order, moment: datetime) -> Standing:
    """Judge an order as it stood at a moment. Raises NothingKnown."""
    rules, waivers = _live_at(moment), _waivers(order, moment)
    state = _state_at(order, moment)
    with replay.opened(replay.family([order.pk])):
        replay.apply_received(by=moment, at=moment)
        found = Order.objects.filter(canonical_id=order.canonical_id).first()
        if found is None:
            raise NothingKnown("Nothing was known of this order then.")
        return _standing(found, state=state or found.state, rules=rules, waivers=waivers, at=moment)


def _standing(
    order: Order, *, state: str, rules: Rulebook, waivers: Mapping[str, Waiver], at: datetime
) -> Standing:
    values = ORDER.values_of(order)
    entries = list(
        Entry.objects.filter(order=order)
        .select_related("event__source")
        .order_by("occurred_at", "pk")
    )
    relatives = list(
        Entry.objects.filter(_counts_for(order))
        .select_related("event__source", "order")
        .order_by("occurred_at", "pk")
    )
    both = [*entries, *relatives]
    back = {entry.reverses_id for entry in both if entry.reverses_id is not None}
    undone = {entry.pk for entry in both if entry.reverses_id or entry.pk in back}
    return Standing(
        at=at,
        state=state,
        currency=order.currency,
        rules=rules,
        values=values,
        entries=entries,
        relatives=relatives,
        undone=frozenset(undone),
        verdicts=_verdicts(order, values, rules=rules, waivers=waivers, at=at),
    )


def _counts_for(order: Order) -> Q:
    """Say which entries of an order's family count for it, as `family_position.sql` has it."""
    of_parts = Q(order__parent=order, kind__in=_OF_PARTS)
    if order.parent_id is None:
        return of_parts
    names = order.lines.values("line")
    seller = order.detail.seller if hasattr(order, "detail") else ""
    counts = Q(kind__in=_OF_WHOLE) | Q(kind__in=_OF_LINES, line__in=names)
    counts |= Q(kind="DELIVERED", line="")
    if seller:
        counts |= Q(kind="PAID_OUT", event__data__seller=seller)
    return of_parts | Q(order=order.parent_id) & counts


def _verdicts(
    order: Order,
    values: Mapping[str, Any],
    *,
    rules: Rulebook,
    waivers: Mapping[str, Waiver],
    at: datetime,
) -> list[Verdict]:
    """Run every check over this one order, as a pass would."""
    _lay_out(order)
    rows = {check.name: _row(check, rules=rules, at=at) for check in rules.order_checks()}
    said = {name: row["verdict"] for name, row in rows.items() if row is not None}
    for name, row in rows.items():
        if said.get(name) == "BROKEN" and row and _is_waived(waivers.get(name), row):
            said[name] = "WAIVED"
    return [
        _verdict(check, rows[check.name], said=said, values=values, waivers=waivers, rules=rules)
        for check in rules.order_checks()
    ]


def _verdict(
    check: Check,
    row: Mapping[str, Any] | None,
    *,
    said: Mapping[str, str],
    values: Mapping[str, Any],
    waivers: Mapping[str, Waiver],
    rules: Rulebook,
) -> Verdict:
    mine = said.get(check.name, "HOLDS")
    if row is None or mine == "HOLDS":
        return _whole(check, row, values)
    under = sorted(name for name in rules.foundations(check.name) if said.get(name) in _STANDS)
    return Verdict(
        check,
        "NOT_JUDGED" if under and mine in _STANDS else mine,
        due_at=row["due_at"],
        at_risk_minor=row["at_risk_minor"],
        expected_minor=row["expected_minor"],
        actual_minor=row["actual_minor"],
        details=json.loads(row["details"]),
        rests_on=tuple(under),
        waiver=waivers.get(check.name) if mine == "WAIVED" else None,
    )


def _whole(check: Check, row: Mapping[str, Any] | None, values: Mapping[str, Any]) -> Verdict:
    """Say of a check that is not off that it holds, or does not apply."""
    unmet = tuple(each for each in check.applies if not ORDER.evaluate([each], values))
    is_of_others = bool(unmet) or (row is None and check.family in _OF_SOME)
    return Verdict(
        check,
        "NOT_APPLICABLE" if is_of_others else "HOLDS",
        unmet=unmet,
        expected_minor=row["expected_minor"] if row else None,
        actual_minor=row["actual_minor"] if row else None,
        details=json.loads(row["details"]) if row else None,
    )


def _lay_out(order: Order) -> None:
    """Put the one order where the checks of a pass look for theirs."""
    with connection.cursor() as cursor:
        cursor.execute(laid_out.tables())
        cursor.execute(laid_out.orders(), {"order_ids": array([order.pk])})


def _row(check: Check, *, rules: Rulebook, at: datetime) -> dict[str, Any] | None:
    """Give what a check says of the order, with the hash that waivers go by; None: nothing."""
    query = compiled(check, "pass_order")
    given = {**query.parameters, **working_days(check, rules=rules, at=at), "at": at}
    with connection.cursor() as cursor:
        cursor.execute(_JUDGED.format(query=query.text), given)
        names = [column.name for column in cursor.description]
        found = cursor.fetchone()
    return None if found is None else dict(zip(names, found, strict=True))


def _is_waived(waiver: Waiver | None, row: Mapping[str, Any]) -> bool:
    return waiver is not None and waiver.values_sha256 == row["values_sha256"]


def _waivers(order: Order, moment: datetime) -> dict[str, Waiver]:
    """Give the waivers that stood at a moment."""
    given = Waiver.objects.filter(order=order, at__lte=moment).select_related("by")
    stood = given.filter(Q(lapsed_at=None) | Q(lapsed_at__gt=moment))
    return {waiver.check_name: waiver for waiver in stood.order_by("at")}


def _live_at(moment: datetime) -> Rulebook:
    """Give the rules that decided at a moment: those published last before it."""
    number = (
        RulebookVersion.objects.filter(published_at__lte=moment)
        .order_by("-published_at", "-number")
        .values_list("number", flat=True)
        .first()
    )
    if number is None:
        raise NothingKnown("No rules were live then.")
    return rulebook.version(number)


def _state_at(order: Order, moment: datetime) -> str:
    """Give the state that the order's history has for a moment; "" before its first move."""
    try:
        return str(order.history.as_of(moment).state)
    except Order.DoesNotExist:
        return ""

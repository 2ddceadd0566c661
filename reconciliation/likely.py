"""Proposes the orders that something without an order may belong to, each with its reasons."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from reconciliation.models import Event, Order
from reconciliation.money import as_text
from reconciliation.normalise import names_in
from reconciliation.people import pseudonym
from reconciliation.sql import load

_WITHIN = timedelta(days=14)
_NEAR_LIMIT, _MOST_JUDGED, _MOST_SHOWN = 200, 400, 5
_ENOUGH = 30  # less is no reason to look
_SHORTEST = 3  # signs of an id from which a part of another id says something
_SHORTEST_TYPO = 5
_AMOUNTS = ("amount_minor", "total_minor", "gross_minor", "net_minor")
_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


class Likely(NamedTuple):
    """One order, how likely it is from 0 to 100, and why, in words."""

    order_id: int
    canonical_id: str
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Sought:
    """What is known of something that has no order."""

    ids: tuple[str, ...]
    around: datetime  # when it came to us
    happened_at: datetime
    amount_minor: int | None = None
    currency: str = ""
    customer_key: str = ""
    except_id: int = 0


class _Row(NamedTuple):
    order_id: int
    canonical_id: str
    ordered_minor: int
    unpaid_minor: int
    currency: str
    placed_at: datetime | None
    customer_key: str
    names: list[str]


def of_event(event: Event) -> list[Likely]:
    """Propose orders for an event, the likeliest first."""
    data: dict[str, Any] = event.data
    named = [name.value for name in names_in(data)]
    amounts = (data[name] for name in _AMOUNTS if isinstance(data.get(name), int))
    customer = data.get("customer")
    key = customer.get("key", "") if isinstance(customer, dict) else data.get("customer_key", "")
    given = (str(data.get("parent") or event.order_reference), *named)
    return _proposed(
        Sought(
            ids=tuple(name for name in given if name),
            around=event.received_at,
            happened_at=event.occurred_at,
            amount_minor=next(amounts, None),
            currency=str(data.get("currency", "")),
            customer_key=pseudonym(str(key)) if key else "",
        )
    )


def of_order(order: Order) -> list[Likely]:
    """Propose orders that may be the same as this one, the likeliest first."""
    detail = getattr(order, "detail", None)
    names = order.aliases.order_by("pk").values_list("value", flat=True)[:20]
    first = order.events.order_by("received_at").first()
    if first is None:
        return []
    return _proposed(
        Sought(
            ids=(order.canonical_id, *names),
            around=first.received_at,
            happened_at=order.placed_at or first.occurred_at,
            amount_minor=order.ordered_minor or order.invoiced_minor or order.paid_minor,
            currency=order.currency,
            customer_key=detail.customer_key if detail else "",
            except_id=order.pk,
        )
    )


def judge(sought: Sought, row: Any) -> Likely:  # noqa: ANN401 - a row of the query
    """Weigh what speaks for one order."""
    found = [
        *_by_amount(sought, row),
        *_by_customer(sought, row),
        *_by_id(sought.ids, row.names),
        *_by_time(sought, row),
    ]
    score = min(sum(weight for weight, _ in found), 100)
    return Likely(row.order_id, row.canonical_id, score, tuple(words for _, words in found))


def _proposed(sought: Sought) -> list[Likely]:
    judged = [judge(sought, row) for row in _rows(sought)]
    likely = [each for each in judged if each.score >= _ENOUGH]
    return sorted(likely, key=lambda each: (-each.score, each.order_id))[:_MOST_SHOWN]


def _rows(sought: Sought) -> list[_Row]:
    with connection.cursor() as cursor:
        cursor.execute(
            load("likely_orders"),
            {
                "around": sought.around,
                "earliest": sought.around - _WITHIN,
                "latest": sought.around + _WITHIN,
                "given": sorted({way for name in sought.ids for way in _ways_to_write(name)}),
                "amount_minor": sought.amount_minor,
                "currency": sought.currency,
                "except_id": sought.except_id,
                "near_limit": _NEAR_LIMIT,
                "most": _MOST_JUDGED,
            },
        )
        return [_Row(*row) for row in cursor.fetchall()]


def _by_amount(sought: Sought, row: _Row) -> Iterable[tuple[int, str]]:
    if not sought.amount_minor or sought.currency != row.currency:
        return
    said = as_text(sought.amount_minor, row.currency)
    if sought.amount_minor == row.ordered_minor:
        unpaid = row.unpaid_minor == row.ordered_minor
        yield (
            (45, f"{said} was ordered, and nothing is paid")
            if unpaid
            else (35, f"{said} was ordered")
        )
    elif sought.amount_minor == row.unpaid_minor:
        yield 40, f"{said} is still unpaid"


def _by_customer(sought: Sought, row: _Row) -> Iterable[tuple[int, str]]:
    if sought.customer_key and sought.customer_key == row.customer_key:
        yield 30, "The same customer"


def _by_id(ids: Sequence[str], names: Sequence[str]) -> Iterable[tuple[int, str]]:
    """Give the best reason among all pairs of ids."""
    found = [reason for given in ids for name in names for reason in _alike(given, name)]
    if found:
        yield max(found)


def _alike(given: str, name: str) -> Iterable[tuple[int, str]]:
    one, other = _plain(given), _plain(name)
    if not one or not other:
        return
    if one == other:
        yield 60, f"{given} is {name}, written differently" if given != name else f"Goes by {name}"
        return
    short, long = sorted((one, other), key=len)
    if len(short) >= _SHORTEST and (long.endswith(short) or long.startswith(short)):
        where = "ends" if long.endswith(short) else "begins"
        yield 40, f"{given} and {name}: one {where} with the other"
    elif min(len(one), len(other)) >= _SHORTEST_TYPO and (steps := distance(one, other)) <= 2:  # noqa: PLR2004
        signs = "one sign" if steps == 1 else "two signs"
        yield 45 - 10 * steps, f"{given} and {name} differ by {signs}"


def _by_time(sought: Sought, row: _Row) -> Iterable[tuple[int, str]]:
    if row.placed_at is None:
        return
    gap = abs(sought.happened_at - row.placed_at)
    for limit, weight, words in (
        (_HOUR, 15, "within the hour"), (_DAY, 10, "within a day"), (_WEEK, 5, "within a week"),
    ):  # fmt: skip
        if gap <= limit:
            yield weight, f"Placed {words}"
            return


def distance(one: str, other: str) -> int:
    """Count the signs to add, drop, change or swap with a neighbour to make one the other.

    Above 2 it says 3: how far apart they are then is of no matter.
    """
    if abs(len(one) - len(other)) > 2:  # noqa: PLR2004
        return 3
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, sign in enumerate(one, start=1):
        earlier, before = before, row
        row = [place]
        for column, mark in enumerate(other, start=1):
            steps = min(before[column] + 1, row[-1] + 1, before[column - 1] + (sign != mark))
            swapped = (
                place > 1 and column > 1 and sign == other[column - 2] and one[place - 2] == mark
            )
            row.append(min(steps, earlier[column - 2] + 1) if swapped else steps)
        if min(row) > 2:  # noqa: PLR2004
            return 3
    return min(row[-1], 3)


def _ways_to_write(name: str) -> set[str]:
    """List how the same id may be written elsewhere; looked up as they stand."""
    plain, digits = _plain(name), re.sub(r"\D", "", name)
    ways = {name, name.strip(), name.upper(), name.lower(), plain, plain.upper(), name.lstrip("#")}
    ways |= {digits, digits.lstrip("0"), f"#{digits}"} if digits else set()
    parts = re.split(r"[-_/#: ]+", name)
    ways |= {parts[-1], "-".join(parts[1:])}
    if len(name) <= 40:  # noqa: PLR2004 - a sign dropped, or two swapped
        ways |= {name[:at] + name[at + 1 :] for at in range(len(name))}
        ways |= {
            name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in range(len(name) - 1)
        }
    return {way for way in ways if len(way) >= _SHORTEST}


def _plain(name: str) -> str:
    """Strip an id to what people compare: letters and digits."""
    return "".join(sign for sign in name.lower() if sign.isalnum())

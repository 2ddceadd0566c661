"""Companies whose orders are as odd as can be, as plain facts and as rows."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from reconciliation.models import Entry, Event, Order, OrderDetail, OrderLine
from tests.reconciliation import oracle
from tests.reconciliation.worlds import HOUR, NOON, event, source

# The edges of windows, on both sides of which something must happen.
WINDOWS = (0, 1, 24, 48, 72, 96, 120, 168, 240, 336, 720)
SYSTEMS = ("shop", "crm", "billing", "carrier")
Pick = Callable[[Sequence[Any]], Any]  # how chance is asked: by a seed, or by hypothesis
_TICKS = (-1, 0, 1)


def odd_order(pick: Pick) -> oracle.Order:
    """Make up one order: its totals need not go together, but units do."""
    lines = {
        name: (pick((1, 1, 2)), pick((0, 250)), pick((True, True, False)))
        for name in ("1", "2")[: pick((1, 1, 2))]
    }
    parcels = [(pick(("1", "1", "2", "9")), pick((1, 2))) for _ in range(pick((0, 1, 1, 2)))]
    return {
        **_totals(pick),
        **_units(lines, parcels),
        "lines": lines,
        "parcels": parcels,
        "entries": [_entry(pick) for _ in range(pick((0, 1, 2, 2, 3, 5)))],
        "heard_from": sorted({pick(SYSTEMS) for _ in range(pick((0, 1, 2)))}),
    }


def build(told: Sequence[oracle.Order], name: str) -> dict[int, oracle.Order]:
    """Put orders into the database as applying would have, and give them by row id."""
    for slug in SYSTEMS:
        source(slug)
    causes = {slug: _said_by(slug, f"company {name}") for slug in SYSTEMS}
    nameless = _said_by("bank", f"company {name}")
    columns = {field.name for field in Order._meta.concrete_fields}
    made = Order.objects.bulk_create(
        Order(
            canonical_id=f"{name}-{number}",
            currency="EUR",
            **{column: value for column, value in each.items() if column in columns},
        )
        for number, each in enumerate(told)
    )
    entries, lines = [], []
    for order, each in zip(made, told, strict=True):
        entries += [
            Entry(order=order, event=nameless, currency="EUR", **e) for e in each["entries"]
        ]
        entries += [
            Entry(
                order=order, event=nameless, kind="SHIPPED", line=line, quantity=units,
                reference=f"P{place}", occurred_at=NOON,
            )
            for place, (line, units) in enumerate(each["parcels"])
        ]  # fmt: skip
        entries += [
            Entry(order=order, event=causes[slug], kind="CONFIRMED", occurred_at=NOON)
            for slug in each["heard_from"]
        ]
        lines += [
            OrderLine(
                order=order, line=line, quantity=units, unit_minor=worth,
                fulfil="SHIP" if must_ship else "ACTIVATE",
            )
            for line, (units, worth, must_ship) in each["lines"].items()
        ]  # fmt: skip
    for number, entry in enumerate(entries):
        entry.number = number
    Entry.objects.bulk_create(entries)
    OrderLine.objects.bulk_create(lines)
    OrderDetail.objects.bulk_create(OrderDetail(order=one, source=source()) for one in made)
    return {
        order.pk: each | {"name": order.canonical_id, "whole": None, "parts": []}
        for order, each in zip(made, told, strict=True)
    }


def with_families(found: dict[int, oracle.Order], pick: Pick) -> dict[int, oracle.Order]:
    """Make a family of every four of the last orders; payouts are often what the rule says.

    What was sent was told of the parts: a parcel of the whole would be one of theirs.
    """
    keys = list(found)
    for place in range(len(keys) // 2, len(keys), 4):
        whole, *parts = keys[place : place + 4]
        Entry.objects.filter(order=whole, kind="SHIPPED").update(quantity=0)
        found[whole] |= {"parts": [found[part] for part in parts], "parcels": []}
        Order.objects.filter(pk=whole).update(part_count=len(parts))
        for part in parts:
            told = {
                "ordered_minor": pick((500, 333, 1)),
                "paid_out_minor": pick((0, 283, 284, 425)),
                "cancelled_at": _moment(pick) if pick((True, False, False)) else None,
            }
            found[part] |= {**told, "whole": found[whole]}
            Order.objects.filter(pk=part).update(parent=whole, **told)
    return found


def _said_by(slug: str, name: str) -> Event:
    said = event(f"{name} by {slug}")
    said.source = source(slug)
    said.save(update_fields=["source"])
    return said


def _moment(pick: Pick) -> datetime | None:
    """Pick a moment on or next to the edge of some window, or none."""
    if pick((True, True, True, False, False)):
        hours, ticks = int(pick(WINDOWS)), int(pick(_TICKS))
        return NOON - hours * HOUR + timedelta(microseconds=ticks)
    return None


def _totals(pick: Pick) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in Order._meta.concrete_fields:
        name = field.name
        if name.endswith("_minor"):
            found[name] = pick((0, 0, 500, 500, 502, 503, 1000))
        elif name.endswith("_quantity"):
            found[name] = pick((0, 0, 1, 2))
        elif name.endswith("_at"):
            found[name] = _moment(pick)
    found["ordered_minor"] = pick((0, 500, 1000))
    return {**found, "is_active": pick((True, False)), "reconciled_at": None}


def _units(lines: dict[str, Any], parcels: list[tuple[str, int]]) -> dict[str, int]:
    """Add up units as the product keeps them: of all lines, and those still to ship."""
    due = {name: units for name, (units, _, must_ship) in lines.items() if must_ship}
    sent = {name: sum(n for line, n in parcels if line == name) for name in due}
    return {
        "to_ship_quantity": sum(due.values()),
        "to_activate_quantity": sum(
            units for units, _, must_ship in lines.values() if not must_ship
        ),
        "shipped_quantity": sum(units for _, units in parcels),
        "unshipped_quantity": sum(max(units - sent[name], 0) for name, units in due.items()),
    }


def _entry(pick: Pick) -> dict[str, Any]:
    return {
        "kind": pick(("PAID", "INVOICED")),
        "amount_minor": pick((500, 503)),
        "reference": pick(("r1", "r2", "r3")),
        "occurred_at": NOON - pick((0, 240, 241, 719, 720)) * HOUR,
    }

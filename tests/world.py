"""Builds small worlds for tests: sources that say things, and a pipeline that settles them."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from typing import Any

from reconciliation.models import Calendar, Event, Order, Source, Team
from reconciliation.sources import canonical

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)

# slug → (kind, owner team, event types it is the truth for)
SOURCES = {
    "subscriptions-app": ("subscriptions", "customer-ops", ["subscription."]),
    "shop": ("shop", "fulfilment-ops", ["order."]),
    "billing": ("billing", "revenue-ops", ["invoice.", "payment.posted"]),
    "card-payments": ("payments", "revenue-ops", ["payment."]),
    "carrier": ("carrier", "fulfilment-ops", ["shipment."]),
    "crm": ("crm", "revenue-ops", []),
    "marketplace": ("marketplace", "fulfilment-ops", ["payout."]),
    "reconcile": ("internal", "platform", []),
}

# The stages of config/pipeline.py, in its order.
_STAGES = (
    "reconciliation.apply",
    "reconciliation.reconcile",
    "exceptions.wake",
    "exceptions.intake",
    "exceptions.repair",
    "reconciliation.writeback",
    "reconciliation.diff",
    "exceptions.escalate",
    "exceptions.notify",
)
_numbers = count(1)


def team(slug: str) -> Team:
    """Give a team, made on first use."""
    calendar, _ = Calendar.objects.get_or_create(
        name="Office hours",
        defaults={"opens": time(9), "closes": time(17), "weekdays": [1, 2, 3, 4, 5]},
    )
    found, _ = Team.objects.get_or_create(
        slug=slug,
        defaults={"name": slug.replace("-", " ").capitalize(), "calendar": calendar},
    )
    return found


def source(slug: str) -> Source:
    """Give a source of the demo company by slug, made on first use."""
    kind, owner, truth_for = SOURCES[slug]
    found, _ = Source.objects.get_or_create(
        slug=slug,
        defaults={
            "name": slug.replace("-", " ").capitalize(),
            "kind": kind,
            "owner_team": team(owner),
            "truth_for": truth_for,
        },
    )
    return found


def say(
    source_slug: str,
    type_: str,
    order: str,
    at: datetime,
    *,
    event_id: str = "",
    received_at: datetime | None = None,
    **data: object,
) -> Event:
    """Let a source say one thing: a RECEIVED event with `order` and `data` in its body."""
    body = {"order": order, **data}
    number = next(_numbers)
    return Event.objects.create(
        source=source(source_slug),
        sender=f"/{source_slug}",
        event_id=event_id or f"e-{number}",
        type=type_,
        occurred_at=at,
        received_at=received_at or at,
        data=body,
        sha256=hashlib.sha256(json.dumps(body, default=str).encode()).digest(),
        reference=canonical.reference(type_=type_, data=body),
        order_reference=order,
    )


def line(
    name: str = "1", quantity: int = 1, unit_minor: int = 1000, fulfil: str = "ship"
) -> dict[str, object]:
    """Write one order line as a sender would."""
    return {"line": name, "quantity": quantity, "unit_minor": unit_minor, "fulfil": fulfil}


def place(order: str = "O-1", at: datetime = NOON, slug: str = "shop", **data: object) -> Event:
    """Let a source say that an order was placed and confirmed: one line of 10.00 to ship."""
    body: dict[str, Any] = {
        "currency": "EUR",
        "total_minor": 1000,
        "lines": [line()],
        "confirmed": True,
        **data,
    }
    return say(slug, "order.created", order, at, **body)


def settle(at: datetime | Callable[[], datetime] = NOON, rounds: int = 20) -> dict[str, int]:
    """Run every stage that exists, as of `at`, until none finds work."""
    moment = at if callable(at) else lambda: at
    stages = [import_module(name) for name in _STAGES if find_spec(name)]
    done = dict.fromkeys((stage.__name__ for stage in stages), 0)
    for _ in range(rounds):
        counts = {stage.__name__: stage.take(limit=5_000, at=moment()) for stage in stages}
        for name, number in counts.items():
            done[name] += number
        if not any(counts.values()):
            break
    return done


def the_order(canonical_id: str = "O-1") -> Order:
    """Read an order anew."""
    return Order.objects.get(canonical_id=canonical_id)


def later(**ago: float) -> datetime:
    """Give the moment so long after NOON."""
    return NOON + timedelta(**ago)

"""Small worlds that tests of rules and passes stand on."""

from datetime import UTC, datetime, time, timedelta

from reconciliation import rulebook
from reconciliation.models import Calendar, Event, Order, Source, Team

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEAMS = (
    "revenue-ops", "customer-ops", "fulfilment-ops", "platform", "triage", "enrichment",
)  # fmt: skip


def rules(at: datetime = NOON - timedelta(days=90)) -> rulebook.Rulebook:
    """Make the teams that rulebook version 1 names, and let it decide."""
    calendar, _ = Calendar.objects.get_or_create(
        name="Office hours",
        defaults={"opens": time(8), "closes": time(18), "weekdays": [1, 2, 3, 4, 5]},
    )
    for slug in TEAMS:
        Team.objects.get_or_create(
            slug=slug,
            defaults={
                "name": slug.replace("-", " ").capitalize(),
                "calendar": calendar,
                "is_catch_all": slug == "triage",
            },
        )
    return rulebook.publish_first(at=at)


def order(name: str = "A-1", **totals: object) -> Order:
    """Make an order with these totals and milestones, as if its facts had been applied."""
    return Order.objects.create(canonical_id=name, currency="EUR", **totals)


def source(slug: str = "shop") -> Source:
    """Give the source called `slug`, making it if need be."""
    made, _ = Source.objects.get_or_create(
        slug=slug,
        defaults={
            "name": slug.capitalize(),
            "kind": slug,
            "owner_team": Team.objects.get(slug="revenue-ops"),
        },
    )
    return made


def event(name: str = "e-1", *, at: datetime = NOON, **fields: object) -> Event:
    """Store one event of the shop, as if it had come through the front door."""
    return Event.objects.create(
        source=source(),
        sender="/shop",
        event_id=name,
        occurred_at=at,
        received_at=at,
        sha256=b"",
        **{"type": "order.created", "data": {}, **fields},
    )

"""How an order goes when nothing goes wrong."""

from datetime import timedelta
from random import Random

from config.demo.company import BUNDLE, SUBSCRIPTION, Purchase
from config.demo.facts import (
    CRM,
    SHOP,
    Fact,
    activated,
    authorised,
    captured,
    confirmed,
    delivered,
    invoiced,
    minutes,
    ordered,
    posted,
    recorded,
    shipped,
)


def story(purchase: Purchase, rng: Random) -> list[Fact]:
    """Tell how the order goes when nothing goes wrong."""
    if purchase.kind == SUBSCRIPTION:
        return _subscription_story(purchase, rng)
    return _shop_story(purchase, rng)


def _subscription_story(purchase: Purchase, rng: Random) -> list[Fact]:
    placed_at = purchase.placed_at
    invoiced_at = placed_at + minutes(rng, 2, 10)
    activated_at = invoiced_at + minutes(rng, 1, 15)
    by_card, on_account = minutes(rng, 1, 5), minutes(rng, 180, 3_400)
    paid_at = invoiced_at + rng.choice((by_card, on_account))
    deal = {"deal": f"D-{purchase.number:06}"}
    return [
        ordered(purchase, CRM, {"confirmed": True, "channel": "sales", "references": deal}),
        invoiced(purchase, invoiced_at),
        activated(purchase, activated_at),
        captured(purchase, paid_at),
        posted(purchase, paid_at + minutes(rng, 60, 480)),
    ]


def _shop_story(purchase: Purchase, rng: Random) -> list[Fact]:
    placed_at = purchase.placed_at
    paid_at = placed_at + minutes(rng, 3, 10)
    shipped_at = placed_at + minutes(rng, 18 * 60, 44 * 60)
    invoiced_at = shipped_at + minutes(rng, 10, 60)
    facts = [
        ordered(purchase, SHOP, {"channel": "web"}),
        authorised(purchase, placed_at + timedelta(minutes=1)),
        confirmed(purchase, placed_at + timedelta(minutes=2)),
        captured(purchase, paid_at),
        posted(purchase, paid_at + minutes(rng, 60, 480)),
        shipped(purchase, shipped_at),
        recorded(purchase, shipped_at + minutes(rng, 30, 300)),
        invoiced(purchase, invoiced_at),
        delivered(purchase, shipped_at + minutes(rng, 20 * 60, 45 * 60)),
    ]
    if purchase.kind == BUNDLE:
        facts.append(activated(purchase, invoiced_at + minutes(rng, 1, 15)))
    return facts

"""What the systems of the company say, each in its own words.

One function a kind of message, in the canonical vocabulary that the published schemas describe.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from config.demo.company import Line, Purchase

CRM, SHOP, BILLING = "crm", "shop", "billing"
CARDS, CARRIER, SUBSCRIPTIONS = "card-payments", "carrier", "subscriptions-app"

ORDER, CONFIRMATION = "order.created", "order.confirmed"
CHANGE, CANCELLATION = "order.amended", "order.cancelled"
INVOICE, CREDIT = "invoice.issued", "credit_note.issued"
AUTHORISATION, CHARGE, DECLINE = "payment.authorised", "payment.captured", "payment.failed"
REFUND, POSTING = "payment.refunded", "payment.posted"
SHIPMENT, ARRIVAL, RETURN = "shipment.shipped", "shipment.delivered", "return.received"
RECORD, ACTIVATION = "fulfilment.recorded", "subscription.activated"


@dataclass(frozen=True)
class Fact:
    """One thing that happened, and the system that says so."""

    at: datetime
    sender: str
    type: str
    data: dict[str, Any]
    told_after: timedelta = timedelta()  # how long the message takes
    id: str = ""  # made from the content where it is empty


def event_id(fact: Fact) -> str:
    """Give the id under which this is told: the same message, the same id."""
    if fact.id:
        return fact.id
    content = json.dumps([fact.type, fact.at.isoformat(), fact.data], sort_keys=True)
    return f"evt_{hashlib.sha256(content.encode()).hexdigest()[:24]}"


def minutes(rng: Random, least: int, most: int) -> timedelta:
    """Draw a stretch of time, to the second."""
    return timedelta(seconds=rng.randint(least * 60, most * 60))


def ordered(purchase: Purchase, sender: str, more: dict[str, Any]) -> Fact:
    """Say that the order was placed."""
    customer = purchase.customer._asdict()
    if not customer["company"]:
        del customer["company"]
    data = {
        "order": purchase.order,
        "currency": purchase.currency,
        "total_minor": purchase.total_minor,
        "lines": order_lines(purchase.lines),
        "customer": customer,
        **more,
    }
    return Fact(purchase.placed_at, sender, ORDER, data)


def order_lines(lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    """Write lines the way the shop does."""
    return [
        {
            "line": line.number,
            "sku": line.product.sku,
            "description": line.product.description,
            "quantity": line.quantity,
            "unit_minor": line.product.unit_minor,
            "fulfil": line.product.fulfil,
        }
        for line in lines
    ]


def confirmed(purchase: Purchase, at: datetime) -> Fact:
    """Say that the shop confirmed the order."""
    return Fact(at, SHOP, CONFIRMATION, {"order": purchase.order})


def cancelled(purchase: Purchase, at: datetime) -> Fact:
    """Say that the order was cancelled."""
    data = {"order": purchase.order, "reason": "customer changed their mind"}
    return Fact(at, SHOP, CANCELLATION, data)


def amended(purchase: Purchase, at: datetime) -> Fact:
    """Say that the order now reads as it does in `purchase`."""
    data = {
        "order": purchase.order,
        "total_minor": purchase.total_minor,
        "lines": order_lines(purchase.lines),
    }
    return Fact(at, SHOP, CHANGE, data)


def invoiced(purchase: Purchase, at: datetime, suffix: str = "") -> Fact:
    """Say that an invoice over the whole order went out."""
    return Fact(
        at,
        BILLING,
        INVOICE,
        {"order": purchase.order, "invoice": f"INV-{500_000 + purchase.number}{suffix}"}
        | _amount(purchase),
    )


def credited(purchase: Purchase, at: datetime, amount_minor: int) -> Fact:
    """Say that a credit note went out."""
    return Fact(
        at,
        BILLING,
        CREDIT,
        {
            "order": purchase.order,
            "credit_note": f"CN-{500_000 + purchase.number}",
            "invoice": f"INV-{500_000 + purchase.number}",
            "amount_minor": amount_minor,
            "currency": purchase.currency,
        },
    )


def authorised(purchase: Purchase, at: datetime) -> Fact:
    """Say that the money was set aside on the card."""
    return Fact(at, CARDS, AUTHORISATION, _payment(purchase, "A") | _amount(purchase))


def captured(purchase: Purchase, at: datetime, suffix: str = "") -> Fact:
    """Say that the money was taken."""
    data = _payment(purchase, suffix) | _amount(purchase)
    data["fee_minor"] = 25 + purchase.total_minor * 14 // 1000  # 1.4 % and a quarter
    return Fact(at, CARDS, CHARGE, data)


def declined(purchase: Purchase, at: datetime) -> Fact:
    """Say that the card was declined."""
    data = _payment(purchase, "F") | _amount(purchase) | {"failure_code": "card_declined"}
    return Fact(at, CARDS, DECLINE, data)


def refunded(purchase: Purchase, at: datetime, amount_minor: int, suffix: str = "") -> Fact:
    """Say that money went back."""
    return Fact(
        at,
        CARDS,
        REFUND,
        {
            "order": purchase.order,
            "refund": f"re_{purchase.number:08}{suffix}",
            "payment": f"pay_{purchase.number:08}",
            "amount_minor": amount_minor,
            "currency": purchase.currency,
        },
    )


def posted(purchase: Purchase, at: datetime) -> Fact:
    """Say that the ledger holds the payment."""
    posting = {"posting": f"JE-{700_000 + purchase.number}"}
    return Fact(at, BILLING, POSTING, posting | _payment(purchase) | _amount(purchase))


def shipped(purchase: Purchase, at: datetime) -> Fact:
    """Say that a parcel with everything in it left."""
    data = _parcel(purchase) | {"carrier": "Nordic Post"}
    return Fact(at, CARRIER, SHIPMENT, data)


def delivered(purchase: Purchase, at: datetime) -> Fact:
    """Say that the parcel arrived."""
    return Fact(at, CARRIER, ARRIVAL, _parcel(purchase))


def returned(purchase: Purchase, at: datetime, lines: list[dict[str, Any]]) -> Fact:
    """Say that goods came back."""
    data = {"order": purchase.order, "return": f"RMA-{purchase.number:06}", "lines": lines}
    return Fact(at, CARRIER, RETURN, data)


def recorded(purchase: Purchase, at: datetime) -> Fact:
    """Say that the shop marked the order fulfilled."""
    data = {"order": purchase.order, "fulfilment": f"F-{purchase.number:06}"}
    return Fact(at, SHOP, RECORD, data)


def activated(purchase: Purchase, at: datetime) -> Fact:
    """Say that the subscription is on."""
    data = {"order": purchase.order, "subscription": f"S-{purchase.number:06}"}
    return Fact(at, SUBSCRIPTIONS, ACTIVATION, data)


def goods_of(purchase: Purchase) -> list[dict[str, Any]]:
    """List what has to be shipped."""
    return [
        {"line": line.number, "quantity": line.quantity}
        for line in purchase.lines
        if line.product.fulfil == "ship"
    ]


def _parcel(purchase: Purchase) -> dict[str, Any]:
    return {
        "order": purchase.order,
        "shipment": f"P{purchase.number:09}",
        "lines": goods_of(purchase),
    }


def _payment(purchase: Purchase, suffix: str = "") -> dict[str, Any]:
    return {"order": purchase.order, "payment": f"pay_{purchase.number:08}{suffix}"}


def _amount(purchase: Purchase) -> dict[str, Any]:
    return {"amount_minor": purchase.total_minor, "currency": purchase.currency}

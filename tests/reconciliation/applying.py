"""What tests of applying say, and how they have it applied."""

from datetime import datetime

from reconciliation import apply
from reconciliation.models import Event
from tests.world import NOON, say


def take(at: datetime = NOON) -> int:
    return apply.take(limit=5_000, at=at)


def fresh(event: Event) -> Event:
    return Event.objects.get(pk=event.pk)


def pay(
    order: str = "O-1",
    payment: str = "P-1",
    amount: int = 1000,
    currency: str = "EUR",
    fee_minor: int = 0,
) -> Event:
    return say(
        "card-payments", "payment.captured", order, NOON,
        payment=payment, amount_minor=amount, currency=currency, fee_minor=fee_minor,
    )  # fmt: skip


def ship(quantity: int = 1, shipment: str = "S-1", name: str = "1", at: datetime = NOON) -> Event:
    lines = [{"line": name, "quantity": quantity}]
    return say("carrier", "shipment.shipped", "O-1", at, shipment=shipment, lines=lines)


def bill(invoice: str = "I-1", amount: int = 1000, at: datetime = NOON) -> Event:
    return say(
        "billing", "invoice.issued", "O-1", at,
        invoice=invoice, amount_minor=amount, currency="EUR",
    )  # fmt: skip

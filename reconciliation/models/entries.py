"""Entries: what each event put on each order. Never changed; a correction reverses."""

from typing import ClassVar

from django.db import models

from reconciliation.models.events import Event
from reconciliation.models.orders import Order


class Entry(models.Model):
    """One amount or quantity that one event puts on one order."""

    class Kind(models.TextChoices):
        """What an entry counts; amounts in minor units, quantities in units."""

        ORDERED = "ORDERED"  # amount: the order's total; the newest wins
        CONFIRMED = "CONFIRMED"
        CANCELLED = "CANCELLED"
        INVOICED = "INVOICED"
        CREDITED = "CREDITED"
        AUTHORISED = "AUTHORISED"
        PAID = "PAID"
        PAYMENT_FAILED = "PAYMENT_FAILED"
        REFUNDED = "REFUNDED"
        DISPUTED = "DISPUTED"
        FEE = "FEE"
        POSTED = "POSTED"
        SETTLING = "SETTLING"  # announced, not final
        SETTLED = "SETTLED"
        SETTLED_GROSS = "SETTLED_GROSS"  # the same before fees
        PAID_OUT = "PAID_OUT"
        WRITTEN_OFF = "WRITTEN_OFF"
        SHIPPED = "SHIPPED"  # quantity, by line
        DELIVERED = "DELIVERED"
        RETURNED = "RETURNED"
        FULFILMENT_RECORDED = "FULFILMENT_RECORDED"
        ACTIVATED = "ACTIVATED"  # quantity 1; the newest of these two wins
        DEACTIVATED = "DEACTIVATED"

    # No index of their own: one below begins with each.
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    event = models.ForeignKey(
        Event, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    number = models.SmallIntegerField()  # place among the event's entries
    kind = models.CharField(max_length=24, choices=Kind)
    line = models.CharField(max_length=64, blank=True, default="")
    amount_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True, default="")
    quantity = models.IntegerField(default=0)
    reference = models.TextField(blank=True, default="")  # charge, invoice, parcel …
    occurred_at = models.DateTimeField()
    reverses = models.ForeignKey("self", on_delete=models.PROTECT, null=True, db_index=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "number"], name="entry_once"),
            models.UniqueConstraint(
                fields=["reverses"],
                condition=models.Q(reverses__isnull=False),
                name="entry_reversed_once",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["order", "kind"], name="entry_of_order")]

    def __str__(self) -> str:
        return f"{self.kind} on {self.order_id}"

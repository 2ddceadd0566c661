"""Write-backs: corrections owed to a source, delivered from an outbox."""

from typing import ClassVar

from django.db import models
from django_fsm import FSMField

from reconciliation.models.orders import Order
from reconciliation.models.sources import Source


class WriteBack(models.Model):
    """One correction owed to one source, sent under one idempotency key until it is known."""

    class State(models.TextChoices):
        """What is known of it."""

        DUE = "DUE"
        SENDING = "SENDING"
        DELIVERED = "DELIVERED"
        UNKNOWN = "UNKNOWN"  # sent, no answer: looked up before it is sent again
        FAILED = "FAILED"
        COMPENSATED = "COMPENSATED"
        SUPERSEDED = "SUPERSEDED"

    target = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="writebacks")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="writebacks")
    action = models.CharField(max_length=64)  # activate_subscription, mark_fulfilled …
    payload = models.JSONField()
    idempotency_key = models.CharField(max_length=64, unique=True)
    compensates = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="compensation"
    )
    state = FSMField(max_length=16, choices=State.choices, default=State.DUE, editable=False)
    attempts = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    claim_token = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    answer = models.JSONField(null=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(state__in=["DUE", "SENDING", "UNKNOWN"]),
                name="writeback_due",
            ),
            models.Index(fields=["order"], name="writeback_of_order"),
        ]

    def __str__(self) -> str:
        return f"{self.action} for {self.order_id}"


class WriteBackAttempt(models.Model):
    """One try, and what came of it."""

    writeback = models.ForeignKey(WriteBack, on_delete=models.PROTECT, related_name="tries")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=16)  # DELIVERED, REFUSED, UNKNOWN, UNREACHABLE, FOUND
    status_code = models.IntegerField(null=True)
    answer = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at}"

"""Write-backs: corrections owed to a source, delivered from an outbox."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django_fsm import FSMField, transition

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
    is_watched = models.BooleanField(default=False)  # who owes it tries again, and calls a person

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

    @transition(field=state, source="DUE", target="SENDING")
    def send(self, *, token: UUID, until: datetime) -> None:
        """Claim it for one try, which counts before it is made."""
        self.attempts += 1
        self.claim_token, self.claimed_until = token, until

    @transition(field=state, source=["SENDING", "UNKNOWN"], target="DELIVERED")
    def deliver(self, *, answer: dict[str, Any], at: datetime) -> None:
        """Keep what the target answered: it is done."""
        self.answer, self.delivered_at = answer, at
        self._rest(until=None, error="")

    @transition(field=state, source="SENDING", target="UNKNOWN")
    def lose(self, *, error: str, look_up_at: datetime | None) -> None:
        """Lose sight of it: the target may have acted, and is asked before it is sent again."""
        self._rest(until=look_up_at, error=error)

    @transition(field=state, source="UNKNOWN", target="DUE")
    def send_again(self, *, at: datetime) -> None:
        """Let it be sent again: the target does not know the key, so nothing happened."""
        self._rest(until=at, error=self.error)

    @transition(field=state, source="SENDING", target="FAILED")
    def fail(self, *, error: str) -> None:
        """Give up: the target refuses, or the last try is spent."""
        self._rest(until=None, error=error)

    @transition(field=state, source="FAILED", target="DUE")
    def retry(self, *, at: datetime) -> None:
        """Begin another round of tries, as a person asks."""
        self.attempts = 0
        self._rest(until=at, error="")

    @transition(field=state, source="DELIVERED", target="COMPENSATED")
    def compensate(self) -> None:
        """Mark it as taken back by another."""

    @transition(field=state, source=["DUE", "UNKNOWN", "FAILED"], target="SUPERSEDED")
    def supersede(self) -> None:
        """Drop it: it is no longer wanted, or another does its work."""
        self._rest(until=None, error=self.error)

    def _rest(self, *, until: datetime | None, error: str) -> None:
        self.next_attempt_at, self.error = until, error
        self.claim_token = self.claimed_until = None


class WriteBackAttempt(models.Model):
    """One try, and what came of it."""

    writeback = models.ForeignKey(WriteBack, on_delete=models.PROTECT, related_name="tries")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=16)  # DELIVERED, REFUSED, UNKNOWN, UNREACHABLE, FOUND
    status_code = models.IntegerField(null=True)
    answer = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at}"


class Breaker(models.Model):
    """A target that could not be reached: how often in a row, and until when it is left alone.

    A row, so that every process of every machine leaves it alone. No row: it is reached.
    """

    target = models.OneToOneField(Source, on_delete=models.CASCADE, related_name="breaker")
    failures = models.IntegerField()
    open_until = models.DateTimeField()
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"breaker of {self.target_id}"

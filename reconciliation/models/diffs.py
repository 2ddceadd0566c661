"""Comparing with a source's own records: when, for which stretches of time, and what was found."""

from typing import ClassVar

from django.db import models
from simple_history.models import HistoricalRecords

from reconciliation.models.orders import Order
from reconciliation.models.sources import Source


class DiffSchedule(models.Model):
    """How often a source's records are compared with what it has told us."""

    source = models.OneToOneField(Source, on_delete=models.PROTECT, related_name="diff_schedule")
    export_url = models.URLField()
    types = models.JSONField()  # the event types that the export holds, all of them
    every_seconds = models.IntegerField()  # the length of one window
    lag_seconds = models.IntegerField(default=3_600)  # how long records may take to be complete
    starts_at = models.DateTimeField()  # where the first window begins
    takes_in = models.BooleanField(default=False)  # what we were never told is stored by itself
    is_on = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(every_seconds__gte=60), name="diff_every_a_minute_at_most"
            ),
            models.CheckConstraint(
                condition=models.Q(lag_seconds__gte=0), name="diff_lag_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"comparison with {self.source}"


class DiffWindow(models.Model):
    """One stretch of time, compared once: union of keys = matched + different + here + there."""

    class State(models.TextChoices):
        """How far it is."""

        DUE = "DUE"
        RUNNING = "RUNNING"
        DONE = "DONE"
        FAILED = "FAILED"  # the last try is spent; a person asks for more

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="diff_windows")
    since = models.DateTimeField()
    until = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.DUE)
    attempts = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)  # when it is compared, or compared again
    claimed_until = models.DateTimeField(null=True)
    claim_token = models.UUIDField(null=True)
    matched = models.IntegerField(default=0)
    different = models.IntegerField(default=0)
    only_here = models.IntegerField(default=0)
    only_there = models.IntegerField(default=0)
    unreadable = models.IntegerField(default=0)
    taken_in = models.IntegerField(default=0)
    totals = models.JSONField(default=list)  # by type and currency: counts and sums of both sides
    error = models.TextField(blank=True, default="")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "since"], name="diff_window_once"),
            models.CheckConstraint(
                condition=models.Q(until__gt=models.F("since")), name="diff_window_ends_later"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(next_attempt_at__isnull=False),
                name="diff_window_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} from {self.since} to {self.until}"


class DiffFinding(models.Model):
    """One record that the two sides do not hold alike, until a later comparison finds that they do.

    A record is known by its type and the source's own id of it: charge, invoice, parcel.
    """

    class Kind(models.TextChoices):
        """Who holds it."""

        DIFFERENT = "DIFFERENT"
        ONLY_HERE = "ONLY_HERE"
        ONLY_THERE = "ONLY_THERE"

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="diff_findings")
    window = models.ForeignKey(DiffWindow, on_delete=models.PROTECT, related_name="findings")
    kind = models.CharField(max_length=12, choices=Kind)
    type = models.CharField(max_length=64)
    reference = models.TextField()
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="+")
    order_reference = models.TextField(blank=True, default="")
    occurred_at = models.DateTimeField()
    amount_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True, default="")
    differences = models.JSONField(default=dict)  # field → [here, there]
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "type", "reference"],
                condition=models.Q(cleared_at__isnull=True),
                name="diff_finding_open_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["order"],
                condition=models.Q(cleared_at__isnull=True),
                name="diff_finding_of_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.reference}"

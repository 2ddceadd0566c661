"""Repair attempts: the plan that was shown, what came of it, and whether it was undone."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from exceptions.models.cases import Case
from reconciliation.models import Event, WriteBack


class RepairAttempt(models.Model):
    """One run of one typed repair on one case."""

    class State(models.TextChoices):
        """What came of it."""

        RUNNING = "RUNNING"  # the write-back is on its way
        DONE = "DONE"
        FAILED = "FAILED"
        UNDOING = "UNDOING"
        UNDONE = "UNDONE"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="repairs")
    kind = models.CharField(max_length=64)
    plan = models.JSONField()  # preconditions, changes old → new, inverse
    plan_sha256 = models.CharField(max_length=64)
    idempotency_key = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    is_automatic = models.BooleanField(default=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    reason = models.TextField(blank=True, default="")
    at = models.DateTimeField()
    writeback = models.ForeignKey(WriteBack, on_delete=models.PROTECT, null=True, related_name="+")
    correction = models.ForeignKey(Event, on_delete=models.PROTECT, null=True, related_name="+")
    undo_until = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    error = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case"],
                condition=models.Q(state__in=["RUNNING", "UNDOING"]),
                name="repair_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.case_id}"

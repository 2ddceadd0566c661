"""Snoozes: who laid a case aside, until when or until what, and what woke it."""

from typing import ClassVar

from django.db import models

from exceptions.models.cases import Case
from reconciliation.models import Event


class Snooze(models.Model):
    """One wait of one case: it ends at a moment, or earlier when its condition is met."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="snoozes")
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
    until = models.DateTimeField()
    # {} for a moment alone, else {"words": …, "events": [types, by their beginnings; [] for any]}
    condition = models.JSONField(default=dict)
    known = models.IntegerField(default=0)  # how many such events were applied when it began
    reason = models.TextField(blank=True, default="")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=150, blank=True, default="")
    woken_by = models.ForeignKey(Event, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case"],
                condition=models.Q(ended_at__isnull=True),
                name="snooze_one_open",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["id"],
                condition=models.Q(ended_at__isnull=True) & ~models.Q(condition={}),
                name="snooze_to_meet",
            ),
        ]

    def __str__(self) -> str:
        return f"snooze of {self.case_id}"

"""Rulebook versions: immutable, numbered sets of checks, routes, clocks, automations."""

from typing import ClassVar

from django.db import models
from django_fsm import FSMField
from simple_history.models import HistoricalRecords


class RulebookVersion(models.Model):
    """One numbered set of rules. Content is fixed once it is approved."""

    class State(models.TextChoices):
        """Where a version stands on its way to deciding."""

        DRAFT = "DRAFT"
        IN_REVIEW = "IN_REVIEW"
        APPROVED = "APPROVED"
        SCHEDULED = "SCHEDULED"
        LIVE = "LIVE"
        CANARY = "CANARY"
        SHADOW = "SHADOW"
        RETIRED = "RETIRED"

    number = models.IntegerField(unique=True)
    state = FSMField(max_length=16, choices=State.choices, default=State.DRAFT, editable=False)
    content = models.JSONField()
    content_sha256 = models.CharField(max_length=64)
    author = models.CharField(max_length=150)
    approver = models.CharField(max_length=150, blank=True, default="")
    comment = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["state"],
                condition=models.Q(state__in=["LIVE", "CANARY", "SHADOW"]),
                name="rulebook_one_of_each",
            ),
            models.CheckConstraint(
                condition=models.Q(approver="") | ~models.Q(approver=models.F("author")),
                name="rulebook_approver_is_not_author",
            ),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"



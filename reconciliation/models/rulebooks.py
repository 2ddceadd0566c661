"""Rulebook versions: immutable, numbered sets of checks, routes, clocks, automations."""

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, transition
from simple_history.models import HistoricalRecords


def _approver_is_another(version: models.Model) -> bool:
    assert isinstance(version, RulebookVersion)
    return version.approver != version.author


class RulebookVersion(models.Model):
    """One numbered set of rules. The database keeps its content once it has left Draft."""

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

    @transition(field=state, source=State.DRAFT, target=State.IN_REVIEW)
    def submit(self) -> None:
        """Ask for a review."""

    @transition(field=state, source=State.IN_REVIEW, target=State.DRAFT)
    def send_back(self) -> None:
        """Ask the author to change it."""

    @transition(
        field=state,
        source=State.IN_REVIEW,
        target=State.APPROVED,
        conditions=[_approver_is_another],
    )
    def approve(self) -> None:
        """Agree to it, as another person than its author."""

    @transition(field=state, source=State.APPROVED, target=State.SCHEDULED)
    def schedule(self) -> None:
        """Give it a moment at which it goes live."""

    @transition(
        field=state,
        source=[State.APPROVED, State.SCHEDULED, State.CANARY, State.SHADOW],
        target=State.LIVE,
    )
    def publish(self) -> None:
        """Let it decide."""

    @transition(field=state, source=[State.APPROVED, State.SCHEDULED], target=State.CANARY)
    def try_on_a_share(self) -> None:
        """Let it decide for a share of the orders."""

    @transition(field=state, source=[State.APPROVED, State.SCHEDULED], target=State.SHADOW)
    def run_in_shadow(self) -> None:
        """Let it decide without acting."""

    @transition(
        field=state,
        source=[State.LIVE, State.CANARY, State.SHADOW, State.SCHEDULED],
        target=State.RETIRED,
    )
    def retire(self) -> None:
        """Take it out of service."""

"""Handoffs: a case on its way from one team to another."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models

from exceptions.models.cases import Case
from reconciliation.models import Team


class Handoff(models.Model):
    """One attempt to give a case to another team. Until it is accepted the sender owns the case.

    It carries what the receiver needs to judge it: the order's canonical ID, what failed, the
    clock as it stood. The trail is the case's own.
    """

    class State(models.TextChoices):
        """What came of it."""

        WAITING = "WAITING"
        ACCEPTED = "ACCEPTED"
        BOUNCED = "BOUNCED"  # with a reason
        LAPSED = "LAPSED"  # nobody answered in time
        WITHDRAWN = "WITHDRAWN"  # by the sender
        OVERTAKEN = "OVERTAKEN"  # the case was closed or repaired meanwhile

    CAME_BACK = (State.BOUNCED, State.LAPSED, State.WITHDRAWN)  # the time they took is lost

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="handoffs")
    from_team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    to_team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="handoffs")
    to_person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    canonical_id = models.CharField(max_length=255, blank=True, default="")
    context = models.JSONField()  # check, title, what was found, both sides, amount at risk
    reason = models.TextField()
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    sent_at = models.DateTimeField()
    resolve_due_at = models.DateTimeField(null=True)  # the case's clock when it was sent
    accept_due_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    answered_by = models.CharField(max_length=150, blank=True, default="")
    answered_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case"],
                condition=models.Q(state="WAITING"),
                name="handoff_one_open_a_case",
            ),
            models.CheckConstraint(
                condition=~models.Q(from_team=models.F("to_team")),
                name="handoff_to_another_team",
            ),
            models.CheckConstraint(
                condition=models.Q(state="WAITING", answered_at__isnull=True)
                | (~models.Q(state="WAITING") & models.Q(answered_at__isnull=False)),
                name="handoff_answered_has_moment",
            ),
            models.CheckConstraint(
                condition=~models.Q(reason="")
                & (~models.Q(state="BOUNCED") | ~models.Q(answer="")),
                name="handoff_has_reasons",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["to_team", "case"],
                condition=models.Q(state="WAITING"),
                name="handoff_to_team",
            ),
            models.Index(
                fields=["accept_due_at"],
                condition=models.Q(state="WAITING"),
                name="handoff_to_lapse",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.case_id} to {self.to_team}"

    def close(self, *, state: str, by: str, at: datetime, answer: str = "") -> None:
        """Give it its one answer; it says what came of it from then on."""
        assert self.state == self.State.WAITING, "a handoff is answered once"
        self.state, self.answered_by, self.answered_at, self.answer = state, by, at, answer

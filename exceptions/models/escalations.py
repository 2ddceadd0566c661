"""Escalation steps that fired, and the messages that tell people."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from exceptions.models.cases import Case


class Escalation(models.Model):
    """One step of a case's plan, fired once."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="escalations")
    step = models.IntegerField()
    due_at = models.DateTimeField()
    fired_at = models.DateTimeField()
    to = models.CharField(max_length=64)  # owner, lead, executive

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "step"], name="escalation_once"),
        ]

    def __str__(self) -> str:
        return f"step {self.step} of {self.case_id}"


class Message(models.Model):
    """One message to one person over one channel, with what came of it."""

    class State(models.TextChoices):
        """What came of it."""

        DUE = "DUE"
        SENT = "SENT"
        FAILED = "FAILED"

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="messages"
    )
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="messages")
    escalation = models.ForeignKey(
        Escalation, on_delete=models.PROTECT, null=True, related_name="messages"
    )
    channel = models.CharField(max_length=16, default="inbox")  # inbox, mail, chat
    subject = models.CharField(max_length=255)
    text = models.TextField()
    state = models.CharField(max_length=16, choices=State, default=State.DUE)
    attempts = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"], condition=models.Q(state="DUE"), name="message_due"
            ),
        ]

    def __str__(self) -> str:
        return self.subject

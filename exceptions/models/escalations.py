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
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="messages"
    )  # null: a team's channel
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="messages")
    escalation = models.ForeignKey(
        Escalation, on_delete=models.PROTECT, null=True, related_name="messages"
    )
    channel = models.CharField(max_length=16, default="inbox")  # inbox, mail, own, team
    via = models.ForeignKey(
        "exceptions.Channel", on_delete=models.PROTECT, null=True, related_name="messages"
    )
    copy_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="copies"
    )  # the message in the inbox that this one brings outside
    severity = models.CharField(max_length=2, blank=True, default="")
    subject = models.CharField(max_length=255)
    text = models.TextField()
    href = models.CharField(max_length=200, blank=True, default="")  # what it is about, but a case
    state = models.CharField(max_length=16, choices=State, default=State.DUE)
    attempts = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(recipient__isnull=False) | models.Q(via__isnull=False),
                name="message_to_someone",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["recipient", "id"],
                condition=models.Q(channel="inbox", read_at__isnull=True),
                name="message_unread",
            ),
            models.Index(
                fields=["next_attempt_at"], condition=models.Q(state="DUE"), name="message_due"
            ),
        ]

    def __str__(self) -> str:
        return self.subject

"""Where people and teams are reached outside the product, and how each wants to be told."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from exceptions.models.escalations import Message
from reconciliation.models import Team


class Channel(models.Model):
    """One address of a person or a team, as `apprise` reads it; encrypted, never shown again."""

    name = models.CharField(max_length=64)
    scheme = models.CharField(max_length=16)  # what it is: slack, mailtos, jsons …
    ciphertext = models.BinaryField()
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="channels"
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="channels")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150)
    removed_at = models.DateTimeField(null=True)  # messages that went there still name it
    failed_at = models.DateTimeField(null=True)  # the newest try failed
    error = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(person__isnull=False, team__isnull=True)
                | models.Q(person__isnull=True, team__isnull=False),
                name="channel_of_one",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class NotificationPreference(models.Model):
    """How one person wants to be told; without a row, by mail at once and always."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notification_preference"
    )
    by_severity = models.JSONField(default=dict)  # severity → inbox, digest, mail, a channel's id
    time_zone = models.CharField(max_length=64, default="UTC")
    quiet_from = models.TimeField(null=True)
    quiet_to = models.TimeField(null=True)
    digest_at = models.TimeField(null=True)
    digest_next_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(quiet_from__isnull=True, quiet_to__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_to__isnull=False),
                name="preference_quiet_both",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["digest_next_at"],
                condition=models.Q(digest_next_at__isnull=False),
                name="preference_digest",
            ),
        ]

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"


class MessageAttempt(models.Model):
    """One try to send a message one way, and what came of it."""

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="tries")
    at = models.DateTimeField()
    way = models.CharField(max_length=24)  # mail, or a channel's id
    way_name = models.CharField(max_length=64)
    error = models.TextField(blank=True, default="")  # "": it was taken

    def __str__(self) -> str:
        return self.error or "taken"

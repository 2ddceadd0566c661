"""Who looks at which case, and what they left for another day."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from exceptions.models.cases import Case


class Viewing(models.Model):
    """One person with one case before them; says nothing after `until`."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="viewings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "user"], name="viewing_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["user", "until"], name="viewing_of_user")]

    def __str__(self) -> str:
        return f"{self.user} at {self.case}"


class Skip(models.Model):
    """One case that a person working through a view passed over, and why."""

    class Reason(models.TextChoices):
        """Why it was passed over; `NOT_MINE` says that a rule routed it wrong."""

        NEEDS_INFO = "NEEDS_INFO", "Needs information"
        NOT_MINE = "NOT_MINE", "Not mine"
        TOO_HARD = "TOO_HARD", "Too hard"
        OTHER = "OTHER", "Something else"

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="skips")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=16, choices=Reason)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user", "at"], name="skip_of_user")]

    def __str__(self) -> str:
        return f"{self.user} skipped {self.case}"

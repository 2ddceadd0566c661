"""Teams, their members, and the calendars their clocks follow."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords


class Calendar(models.Model):
    """The hours a team works; clocks count only inside them."""

    name = models.CharField(max_length=64, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    opens = models.TimeField()
    closes = models.TimeField()
    weekdays = models.JSONField(default=list)  # ISO numbers, Monday is 1
    holidays_country = models.CharField(max_length=2, blank=True, default="")

    def __str__(self) -> str:
        return self.name


class Team(models.Model):
    """People who own cases together."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=64, unique=True)
    calendar = models.ForeignKey(Calendar, on_delete=models.PROTECT)
    is_catch_all = models.BooleanField(default=False)
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_catch_all"],
                condition=models.Q(is_catch_all=True),
                name="team_one_catch_all",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person's place in one team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    is_lead = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "user"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"

"""Teams, their members and hours, who is away, and the calendars their clocks follow."""

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
    # Days off of the whole company, ISO date → what it is. Every calendar has the same, so that
    # what reads one calendar knows them without asking further.
    company_days = models.JSONField(default=dict, blank=True)
    history = HistoricalRecords(history_id_field=models.BigAutoField())

    def __str__(self) -> str:
        return self.name


class Team(models.Model):
    """People who own cases together."""

    class HandOut(models.TextChoices):
        """How a new case finds its first owner."""

        OFF = "OFF"  # someone takes it, or is given it
        ROUND_ROBIN = "ROUND_ROBIN"  # whoever is on duty, in turn

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=64, unique=True)
    calendar = models.ForeignKey(Calendar, on_delete=models.PROTECT)
    is_catch_all = models.BooleanField(default=False)
    hand_out = models.CharField(max_length=16, choices=HandOut, default=HandOut.OFF)
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
    """One person's place in one team, and the hours they work there."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    is_lead = models.BooleanField(default=False)
    time_zone = models.CharField(max_length=64, blank=True, default="")  # of `hours`
    # ISO weekday → ["09:00", "17:30"]; an end that is not after its begin is on the next day.
    # Empty: the hours of the team's calendar.
    hours = models.JSONField(default=dict, blank=True)
    turn = models.BigIntegerField(default=0)  # round robin: the lowest is next
    history = HistoricalRecords(history_id_field=models.BigAutoField(), excluded_fields=["turn"])

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "user"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class Absence(models.Model):
    """A time in which a person works no cases, and who stands in for them."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="absences"
    )
    stand_in = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()  # brought forward when they are back early
    reason = models.CharField(max_length=200, blank=True, default="")
    entered_by = models.CharField(max_length=150)
    entered_at = models.DateTimeField()
    handed_back_at = models.DateTimeField(null=True)  # their cases found other hands
    history = HistoricalRecords(history_id_field=models.BigAutoField())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gte=models.F("starts_at")),
                name="absence_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=~models.Q(stand_in=models.F("user")), name="absence_stand_in_is_another"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["starts_at"],
                condition=models.Q(handed_back_at__isnull=True),
                name="absence_to_hand_back",
            ),
            models.Index(fields=["user", "ends_at"], name="absence_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user} away"

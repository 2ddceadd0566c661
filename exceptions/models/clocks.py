"""What clocks count by, and the stretches of time that they counted or rested."""

from typing import ClassVar

from django.db import models


class ClockPlan(models.Model):
    """One way to time a case: minutes, hours, pauses, escalation steps. Never changed.

    Few cases differ in it, so a case points to the plan it was opened under; a calendar or a
    rulebook that changes later changes no clock that runs.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    content = models.JSONField()  # as `exceptions.sla.Plan` writes it

    def __str__(self) -> str:
        return f"plan {self.sha256[:8]}"


class ClockInterval(models.Model):
    """One stretch of a case's life under one plan: it ran, or it waited for something.

    From opening to closing they follow one another without a gap, so that every due moment can be
    worked out again. Whether a wait stopped the clock is the plan's to say.
    """

    case = models.ForeignKey(
        "exceptions.Case", on_delete=models.PROTECT, related_name="clock_intervals"
    )
    plan = models.ForeignKey(ClockPlan, on_delete=models.PROTECT, related_name="+")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    waiting_for = models.CharField(max_length=16, blank=True, default="")  # "" while worked on

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case"],
                condition=models.Q(ended_at__isnull=True),
                name="clock_interval_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True)
                | models.Q(ended_at__gte=models.F("began_at")),
                name="clock_interval_forward",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.waiting_for or 'worked on'} from {self.began_at}"

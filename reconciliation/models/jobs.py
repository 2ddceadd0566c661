"""Long work with its progress, passes of reconciliation, and signs of life."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Installation(models.Model):
    """The one row that says what kind of installation this is."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    is_demo = models.BooleanField(default=False)
    simulated_now = models.DateTimeField(null=True)  # set while a demo's past is being driven

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(id=1), name="installation_one_row"),
            models.CheckConstraint(
                condition=models.Q(is_demo=True) | models.Q(simulated_now__isnull=True),
                name="installation_simulates_only_in_demo",
            ),
        ]

    def __str__(self) -> str:
        return "demo" if self.is_demo else "installation"


class Job(models.Model):
    """Long work that a person or a command started."""

    class State(models.TextChoices):
        """How far it is."""

        QUEUED = "QUEUED"
        RUNNING = "RUNNING"
        DONE = "DONE"
        FAILED = "FAILED"
        STOPPED = "STOPPED"

    kind = models.CharField(max_length=32)  # import, reconcile, demo, bulk …
    title = models.CharField(max_length=255)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    total = models.IntegerField(null=True)
    done = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    is_stop_asked = models.BooleanField(default=False)
    parameters = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    checkpoint = models.JSONField(default=dict)  # where the next step goes on
    claim_token = models.UUIDField(null=True)  # of the process that works on it now
    claimed_until = models.DateTimeField(null=True)  # true clock; null: nobody may take it up
    attempts = models.SmallIntegerField(default=0)  # since the last step that was kept
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["claimed_until", "id"],
                condition=models.Q(state__in=["QUEUED", "RUNNING"]),
                name="job_to_take",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Run(models.Model):
    """One pass of reconciliation, with counts that add up: judged = holds + waiting + broken."""

    scope = models.CharField(max_length=16)  # due, all
    rulebook_version = models.IntegerField()
    at = models.DateTimeField()  # the moment it speaks of
    judged = models.IntegerField(default=0)
    holds = models.IntegerField(default=0)
    waiting = models.IntegerField(default=0)
    broken = models.IntegerField(default=0)
    opened = models.IntegerField(default=0)
    cleared = models.IntegerField(default=0)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-at"], name="run_by_time")]

    def __str__(self) -> str:
        return f"pass {self.pk}"


class Heartbeat(models.Model):
    """The last sign of life of one process or loop, by the true clock."""

    component = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField()
    details = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.component


class Stumble(models.Model):
    """One row that a stage could not do when it was tried last, by the true clock."""

    stage = models.CharField(max_length=32)
    row_id = models.BigIntegerField()
    error = models.TextField()
    since = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.IntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stage", "row_id"], name="stumble_once"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.row_id}: {self.error}"

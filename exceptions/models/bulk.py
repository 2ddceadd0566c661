"""One piece of work on many cases: what was asked, who agreed, and what came of each case."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from exceptions.models.cases import Case
from exceptions.models.repairs import RepairAttempt
from reconciliation.models import Job


class Bulk(models.Model):
    """What a person asked for on many cases at once; its set is frozen when they ask."""

    class State(models.TextChoices):
        """How far the asking is; how far the work is, its job says."""

        DRAFT = "DRAFT"  # shown, not confirmed
        ASKED = "ASKED"  # waits for a second person
        BEGUN = "BEGUN"
        REFUSED = "REFUSED"

    verb = models.CharField(max_length=16)
    arguments = models.JSONField(default=dict)
    asked_for = models.JSONField(default=dict)  # the view's filters and search; empty: ticked rows
    words = models.CharField(max_length=255)  # "3 ticked exceptions"
    state = models.CharField(max_length=16, choices=State, default=State.DRAFT)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bulks"
    )
    created_at = models.DateTimeField()
    needs = models.CharField(max_length=255, blank=True, default="")  # why a second person
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True, default="")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    undoes = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="undoings")

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["-id"], condition=~models.Q(state="DRAFT"), name="bulk_newest_asked"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} of {self.words}"


class BulkItem(models.Model):
    """One case of a bulk, as it was when the person saw it, and what came of it."""

    class Outcome(models.TextChoices):
        """What came of it."""

        DUE = "DUE"
        DONE = "DONE"
        SKIPPED = "SKIPPED"  # was never going to be done, and the person was told so
        REFUSED = "REFUSED"
        CHANGED = "CHANGED"  # somebody or something changed it meanwhile
        FAILED = "FAILED"  # an error of ours
        UNDONE = "UNDONE"

    bulk = models.ForeignKey(Bulk, on_delete=models.CASCADE, related_name="items")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    version = models.IntegerField()  # of the case, when the set was frozen
    repair = models.CharField(max_length=64, blank=True, default="")
    plan_sha256 = models.CharField(max_length=64, blank=True, default="")  # "" was not shown
    outcome = models.CharField(max_length=16, choices=Outcome, default=Outcome.DUE)
    why = models.TextField(blank=True, default="")
    before = models.JSONField(default=dict)  # what an undo goes back to
    version_after = models.IntegerField(null=True)
    attempt = models.ForeignKey(
        RepairAttempt, on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bulk", "case"], name="bulk_item_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["bulk", "outcome"], name="bulk_item_outcome")]

    def __str__(self) -> str:
        return f"{self.case_id} of bulk {self.bulk_id}"

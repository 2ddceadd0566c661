"""Discrepancies: one check that one subject breaks, from first seen to cleared."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from reconciliation.models.events import Event, RejectedEvent
from reconciliation.models.orders import Order
from reconciliation.models.sources import Source
from reconciliation.models.teams import Team
from reconciliation.models.writebacks import WriteBack

_SUBJECTS = ("order", "event", "rejection", "writeback", "source")


def _exactly_one_subject() -> models.Q:
    condition = models.Q()
    for subject in _SUBJECTS:
        condition |= models.Q(**{f"{other}__isnull": other != subject for other in _SUBJECTS})
    return condition


class Discrepancy(models.Model):
    """One check that one subject breaks. Unique while open per check and subject."""

    check_name = models.CharField(max_length=64)  # its name in the rulebook
    rulebook_version = models.IntegerField()
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="+")
    event = models.ForeignKey(Event, on_delete=models.PROTECT, null=True, related_name="+")
    rejection = models.ForeignKey(
        RejectedEvent, on_delete=models.PROTECT, null=True, related_name="+"
    )
    writeback = models.ForeignKey(WriteBack, on_delete=models.PROTECT, null=True, related_name="+")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, null=True, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")  # check's default
    expected_minor = models.BigIntegerField(null=True)
    actual_minor = models.BigIntegerField(null=True)
    at_risk_minor = models.BigIntegerField(default=0)  # never negative
    currency = models.CharField(max_length=3, blank=True, default="")
    details = models.JSONField(default=dict)  # what the check compared, by field name
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=_exactly_one_subject(), name="discrepancy_one_subject"
            ),
            *(
                models.UniqueConstraint(
                    fields=["check_name", subject],
                    condition=models.Q(cleared_at__isnull=True)
                    & models.Q(**{f"{subject}__isnull": False}),
                    name=f"discrepancy_open_once_{subject}",
                )
                for subject in _SUBJECTS
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["order", "check_name"], name="discrepancy_of_order"),
            models.Index(fields=["opened_at"], name="discrepancy_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.check_name} #{self.pk}"


class Waiver(models.Model):
    """A person's word that a broken check is fine for one order, while the values stay."""

    check_name = models.CharField(max_length=64)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="waivers")
    values_sha256 = models.CharField(max_length=64)  # of the discrepancy's details
    reason = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    at = models.DateTimeField()
    lapsed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["check_name", "order"],
                condition=models.Q(lapsed_at__isnull=True),
                name="waiver_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.check_name} waived for {self.order_id}"

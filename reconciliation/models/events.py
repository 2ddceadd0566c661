"""Facts as received: kept once, for ever, whether they could be applied or not."""

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from reconciliation.models.sources import Source


class Event(models.Model):
    """One fact as received, in a CloudEvents 1.0 envelope.

    Its identity is (our source row, CloudEvents `source`, `id`). `id` of the row is the arrival
    sequence. `occurred_at` is the sender's clock, `received_at` ours (simulated in a demo's
    past), `recorded_at` the true moment.
    """

    class Status(models.TextChoices):
        """How far an event has come."""

        RECEIVED = "RECEIVED"
        APPLIED = "APPLIED"
        PARKED = "PARKED"  # waits for the order it names
        DUPLICATE = "DUPLICATE"  # says again what another event has said
        QUARANTINED = "QUARANTINED"  # could not be applied; a person must look
        CORRECTED = "CORRECTED"  # a corrected copy was sent in its place
        DISMISSED = "DISMISSED"  # a person said that it is not ours

    # Foreign keys that an index below begins with have none of their own: each costs every event.
    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    sender = models.TextField()  # CloudEvents `source`
    event_id = models.TextField()  # CloudEvents `id`
    type = models.CharField(max_length=64)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    data = models.JSONField()  # what the sender said, personal fields removed once applied
    raw = models.BinaryField(null=True)  # the bytes, dropped after the retention time
    sha256 = models.BinaryField()
    reference = models.TextField(blank=True, default="")  # outside id: charge, invoice, parcel
    order_reference = models.TextField(blank=True, default="")  # the order as the sender names it
    order = models.ForeignKey(
        "reconciliation.Order",
        on_delete=models.PROTECT,
        null=True,
        related_name="events",
        db_index=False,
    )
    status = models.CharField(max_length=16, choices=Status, default=Status.RECEIVED)
    applied_at = models.DateTimeField(null=True)
    park_until = models.DateTimeField(null=True)
    reasons = models.JSONField(default=list)
    duplicate_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, db_index=False)
    # A person has said that it is no duplicate; a replay heeds that too.
    is_distinct = models.BooleanField(default=False, db_default=False)
    corrects = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="corrections", db_index=False
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event_id", "source", "sender"], name="event_once"),
            models.CheckConstraint(
                condition=~models.Q(status="APPLIED") | models.Q(applied_at__isnull=False),
                name="event_applied_has_moment",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["id"], condition=models.Q(status="RECEIVED"), name="event_to_apply"
            ),
            models.Index(
                fields=["order_reference", "source"],
                condition=models.Q(status="PARKED"),
                name="event_parked",
            ),
            # Who waits for a name. `LIKE`, so that who asks for one is answered by no other index
            # than this one. No pending list: every search would read it from end to end.
            GinIndex(
                fields=["data"],
                opclasses=["jsonb_path_ops"],
                condition=models.Q(status__startswith="PARKED"),
                fastupdate=False,
                name="event_parked_naming",
            ),
            models.Index(
                fields=["park_until", "id"],
                condition=models.Q(status="PARKED"),
                name="event_parked_until",
            ),
            models.Index(
                fields=["source", "type", "reference"],
                condition=~models.Q(reference=""),
                name="event_by_reference",
            ),
            models.Index(fields=["order", "occurred_at", "id"], name="event_of_order"),
            models.Index(fields=["source", "received_at"], name="event_flow"),
            models.Index(
                fields=["source", "status", "received_at"],
                condition=models.Q(status__in=["PARKED", "DUPLICATE", "QUARANTINED"]),
                name="event_set_aside",
            ),
            models.Index(
                fields=["received_at"],
                condition=models.Q(raw__isnull=False),
                name="event_raw_to_drop",
            ),
            models.Index(
                fields=["duplicate_of"],
                condition=models.Q(duplicate_of__isnull=False),
                name="event_duplicates",
            ),
            models.Index(
                fields=["corrects"],
                condition=models.Q(corrects__isnull=False),
                name="event_corrections",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class EventConflict(models.Model):
    """Another body under an identity that is taken: kept, never applied."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="conflicts")
    raw = models.BinaryField()  # empty once dropped
    sha256 = models.BinaryField()
    received_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "sha256"], name="event_conflict_once"),
        ]

    def __str__(self) -> str:
        return f"another body for {self.event}"


class RejectedEvent(models.Model):
    """A signed message that could not be read as an event: its bytes and every reason."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="rejections")
    raw = models.BinaryField()  # empty once dropped
    sha256 = models.BinaryField()
    content_type = models.CharField(max_length=255)
    errors = models.JSONField()  # [{"pointer": "/data/total_minor", "detail": "…"}]
    received_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    resent_as = models.ForeignKey(
        Event, on_delete=models.PROTECT, null=True, related_name="resent_from"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "sha256"], name="rejection_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["source", "received_at"], name="rejection_flow"),
        ]

    def __str__(self) -> str:
        return f"rejected by {self.source}: {self.pk}"


class UnusedMessage(models.Model):
    """A signed message in a system's own format that states no fact that is used: its bytes.

    `fetch` names the resource that would tell more, where the message only points to it: these
    rows are what a fetcher would work through.
    """

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="unused")
    kind = models.CharField(max_length=64)  # as the system calls it
    why = models.TextField()
    fetch = models.TextField(blank=True, default="")
    raw = models.BinaryField(null=True)  # the bytes, dropped after the retention time
    sha256 = models.BinaryField()
    content_type = models.CharField(max_length=255)
    received_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "sha256"], name="unused_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["source", "received_at"], name="unused_flow"),
            models.Index(
                fields=["source", "id"], condition=~models.Q(fetch=""), name="unused_to_fetch"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.source}, not used"


class SubjectData(models.Model):
    """A person's fields, under a key of their own; destroying the key erases the person."""

    key = models.CharField(max_length=64, unique=True)  # pseudonym used everywhere else
    wrapped_key = models.BinaryField(null=True)
    ciphertext = models.BinaryField()
    erased_at = models.DateTimeField(null=True)
    held_at = models.DateTimeField(null=True)  # a legal hold: not to be erased
    held_reason = models.TextField(blank=True, default="", db_default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(held_at__isnull=True, held_reason="")
                | (models.Q(held_at__isnull=False) & ~models.Q(held_reason="")),
                name="subject_held_with_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(erased_at__isnull=True)
                | models.Q(wrapped_key__isnull=True, held_at__isnull=True),
                name="subject_erased_has_no_key",
            ),
        ]

    def __str__(self) -> str:
        return self.key

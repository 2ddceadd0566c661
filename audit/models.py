"""The audit trail: rows that are only ever added, and the seals that prove them."""

from typing import ClassVar

from django.db import models
from django.db.models import Func
from django.db.models.functions import Now


class XidField(models.Field):  # type: ignore[type-arg]
    """PostgreSQL's 64-bit transaction id, so that a guard can ask for "this very transaction"."""

    def db_type(self, connection: object) -> str:
        """Name the column's type."""
        return "xid8"


class CurrentTransaction(Func):
    """The id of the transaction at work."""

    function = "pg_current_xact_id"
    arity = 0


class AuditEvent(models.Model):
    """One thing that was decided or changed: who, what, when, why.

    `stream` and `subject_id` name what it is about without a foreign key, so that no delete can
    cascade into the trail; `sequence` is gapless inside them. `at` is the moment the business
    speaks of (simulated in a demo's past), `recorded_at` the true one. `body` holds the UTF-8
    JSON bytes that were sealed.
    """

    stream = models.CharField(max_length=16)
    subject_id = models.BigIntegerField()
    sequence = models.IntegerField()
    action = models.CharField(max_length=64)
    actor = models.CharField(max_length=150)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    from_state = models.CharField(max_length=16, blank=True, default="")
    to_state = models.CharField(max_length=16, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    cause_event_id = models.BigIntegerField(null=True)
    rulebook_version = models.IntegerField(null=True)
    body = models.BinaryField()
    transaction_id = XidField(db_default=CurrentTransaction(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["stream", "subject_id", "sequence"], name="audit_sequence_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["at", "id"], name="audit_by_time"),
            models.Index(fields=["transaction_id", "id"], name="audit_to_seal"),
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.subject_id} #{self.sequence} {self.action}"


class SealLeaf(models.Model):
    """The place of one audit event in the global Merkle tree."""

    position = models.BigIntegerField(primary_key=True)
    event_id = models.BigIntegerField(unique=True)
    leaf_hash = models.BinaryField()

    def __str__(self) -> str:
        return f"leaf {self.position}"


class Checkpoint(models.Model):
    """A signed statement: the tree had this size and this root at this moment."""

    size = models.BigIntegerField(unique=True)
    root = models.BinaryField()
    frontier = models.BinaryField(
        default=b""
    )  # hashes of its full subtrees, largest first: where to go on
    at = models.DateTimeField()
    note = models.TextField()

    def __str__(self) -> str:
        return f"checkpoint of {self.size}"


class Anchor(models.Model):
    """A copy of a checkpoint kept outside the database's reach."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="anchors")
    kind = models.CharField(max_length=32)
    location = models.TextField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind}: {self.location}"

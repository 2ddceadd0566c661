"""Files that people bring: their bytes, how their columns are read, and what became of each row."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from reconciliation.models.events import Event, RejectedEvent
from reconciliation.models.jobs import Job
from reconciliation.models.sources import Source


class ColumnMapping(models.Model):
    """One version of a saved mapping. Versions are only ever added, never changed."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="mappings")
    name = models.CharField(max_length=64)
    version = models.IntegerField()
    content = models.JSONField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "name", "version"], name="mapping_version_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class ImportFile(models.Model):
    """A file as it was brought, once for each source; its parts are dropped after some time."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="files")
    sha256 = models.BinaryField()
    name = models.CharField(max_length=255)
    size_bytes = models.IntegerField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    created_at = models.DateTimeField()
    forgotten_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "sha256"], name="import_file_once"),
        ]

    def __str__(self) -> str:
        return self.name


class ImportFilePart(models.Model):
    """One part of a file's bytes; together and in order they are the file."""

    file = models.ForeignKey(ImportFile, on_delete=models.CASCADE, related_name="parts")
    number = models.IntegerField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["file", "number"], name="import_file_part_once"),
        ]

    def __str__(self) -> str:
        return f"part {self.number} of {self.file}"


class Upload(models.Model):
    """A file read by one version of a mapping: first as a preview, then for good."""

    file = models.ForeignKey(ImportFile, on_delete=models.PROTECT, related_name="uploads")
    mapping = models.ForeignKey(ColumnMapping, on_delete=models.PROTECT, related_name="uploads")
    header = models.JSONField(default=list)  # the columns' names, once the file has been read
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    created_at = models.DateTimeField()
    preview_job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="previewed")
    import_job = models.OneToOneField(
        Job, on_delete=models.PROTECT, null=True, related_name="imported"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["file", "mapping"], name="upload_once"),
        ]

    def __str__(self) -> str:
        return f"{self.file} by {self.mapping}"


class UploadRow(models.Model):
    """One row of an upload as it was read; dropped with the file's bytes."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="rows")
    number = models.IntegerField()  # as a spreadsheet numbers it
    cells = models.JSONField()  # text, or [kind, text] for what a spreadsheet keeps as more

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["upload", "number"], name="upload_row_once"),
        ]

    def __str__(self) -> str:
        return f"row {self.number} of {self.upload_id}"


class UploadItem(models.Model):
    """One event that a row makes, and its verdict: foreseen by the preview, then as it came."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="items")
    row = models.IntegerField()
    place = models.SmallIntegerField()  # among the row's events
    type = models.CharField(max_length=64, blank=True, default="")
    identity = models.TextField(blank=True, default="")  # CloudEvents `id`
    digest = models.BinaryField(null=True)  # null: it is no event
    currency = models.CharField(max_length=3, blank=True, default="")
    amount_minor = models.BigIntegerField(null=True)
    verdict = models.CharField(max_length=16)  # new, seen, conflict, rejected
    problems = models.JSONField(default=list)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, null=True, related_name="items")
    rejection = models.ForeignKey(
        RejectedEvent, on_delete=models.SET_NULL, null=True, related_name="items"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["upload", "row", "place"], name="upload_item_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["upload", "identity"], name="upload_item_identity"),
        ]

    def __str__(self) -> str:
        return f"event {self.place} of row {self.row}"

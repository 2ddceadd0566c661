"""Takes files in: keeps their bytes, has them previewed, and has them imported when asked."""

from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from audit.record import record
from reconciliation import nudge
from reconciliation.importers import check_can_import, username
from reconciliation.models import (
    ColumnMapping,
    ImportFile,
    ImportFilePart,
    Job,
    Source,
    Upload,
    UploadRow,
)

MOST_BYTES = 32 * 1024 * 1024
PREVIEW, IMPORT = "preview_file", "import_file"
_PART = 1024 * 1024
_AGAIN = (Job.State.FAILED, Job.State.STOPPED)


class CannotImport(Exception):
    """The file cannot be taken, or not now; the message may be shown."""


@transaction.atomic
def keep(*, source: Source, name: str, content: bytes, by: User | None, at: datetime) -> ImportFile:
    """Keep a file's bytes, once for each source. Raises NotAllowed, CannotImport."""
    check_can_import(by, source)
    if not content:
        raise CannotImport("The file is empty. Nothing was kept.")
    if len(content) > MOST_BYTES:
        raise CannotImport(f"The file is larger than {MOST_BYTES // _PART} MiB. Split it.")
    Source.objects.select_for_update(no_key=True).get(pk=source.pk)
    digest = sha256(content).digest()
    file, is_new = ImportFile.objects.get_or_create(
        source=source,
        sha256=digest,
        defaults={
            "name": name[-255:],
            "size_bytes": len(content),
            "created_by": by,
            "created_at": at,
        },
    )
    if is_new or file.forgotten_at:
        _keep_parts(file, content)
        _tell(source, "file.uploaded", f"{file.name}", file, by=by, at=at)
    return file


@transaction.atomic
def begin(*, file: ImportFile, mapping: ColumnMapping, by: User | None, at: datetime) -> Upload:
    """Have a file previewed by a mapping; gives the upload there is, if both met before.

    Raises NotAllowed, CannotImport.
    """
    check_can_import(by, file.source)
    if mapping.source_id != file.source_id:
        raise CannotImport(f"{mapping} belongs to {mapping.source.name}, the file does not.")
    Source.objects.select_for_update(no_key=True).get(pk=file.source_id)
    known = Upload.objects.filter(file=file, mapping=mapping).first()
    if known:
        _go_on(known.preview_job_id)
        return known
    job = Job.objects.create(
        kind=PREVIEW, title=f"Preview {file.name}"[:255], started_by=by, created_at=at
    )
    upload = Upload.objects.create(
        file=file, mapping=mapping, created_by=by, created_at=at, preview_job=job
    )
    _address(job, upload)
    return upload


@transaction.atomic
def commit(*, upload_id: int, by: User | None, at: datetime) -> Upload:
    """Have a previewed file imported, or an import that ended early go on. Once is enough.

    Raises NotAllowed, CannotImport, Upload.DoesNotExist.
    """
    upload = Upload.objects.select_related("file__source", "mapping").get(pk=upload_id)
    source = upload.file.source
    check_can_import(by, source)
    Source.objects.select_for_update(no_key=True).get(pk=source.pk)
    upload = Upload.objects.select_for_update(of=["self"]).get(pk=upload_id)
    _check_can_commit(upload)
    if upload.import_job_id:
        _go_on(upload.import_job_id)
        return upload
    job = Job.objects.create(
        kind=IMPORT,
        title=f"Import {upload.file.name} for {source.name}"[:255],
        started_by=by,
        created_at=at,
    )
    _tell(source, "import.begun", upload.file.name, upload.file, by=by, at=at)
    upload.import_job = job
    upload.save(update_fields=["import_job"])
    _address(job, upload)
    return upload


def content(file: ImportFile) -> bytes:
    """Give a file's bytes. Raises CannotImport once they are dropped."""
    parts = file.parts.order_by("number").values_list("content", flat=True)
    found = b"".join(bytes(part) for part in parts)
    if sha256(found).digest() != bytes(file.sha256):
        raise CannotImport("The file's bytes are no longer kept. Upload it again.")
    return found


def forget(*, limit: int, at: datetime) -> int:
    """Drop the bytes and rows of files kept for long enough; says of how many.

    What became of each row, and the events, stay.
    """
    old = ImportFile.objects.filter(
        created_at__lt=at - timedelta(days=settings.RAW_KEPT_DAYS), forgotten_at=None
    )
    busy = Q(uploads__import_job__state__in=[Job.State.QUEUED, Job.State.RUNNING])
    files = list(old.exclude(busy)[:limit])
    for file in files:
        with transaction.atomic():
            file.parts.all().delete()
            UploadRow.objects.filter(upload__file=file).delete()
            file.forgotten_at = at
            file.save(update_fields=["forgotten_at"])
    return len(files)


def _check_can_commit(upload: Upload) -> None:
    if upload.preview_job.state != Job.State.DONE:
        raise CannotImport("The file has not been read to its end yet. Nothing was imported.")
    if upload.file.forgotten_at:
        raise CannotImport("The file's bytes are no longer kept. Upload it again.")
    if upload.file.source.is_paused:
        raise CannotImport(f"{upload.file.source.name} is paused. Resume it, then import.")


def _keep_parts(file: ImportFile, content: bytes) -> None:
    ImportFilePart.objects.bulk_create(
        ImportFilePart(file=file, number=number, content=content[start : start + _PART])
        for number, start in enumerate(range(0, len(content), _PART))
    )
    file.forgotten_at = None
    file.save(update_fields=["forgotten_at"])


def _go_on(job_id: int) -> None:
    """Queue a job that ended early again: it goes on from where it was."""
    Job.objects.filter(pk=job_id, state__in=_AGAIN).update(
        state=Job.State.QUEUED,
        is_stop_asked=False,
        attempts=0,
        claimed_until=None,
        finished_at=None,
    )
    nudge.after_commit("jobs")


def _address(job: Job, upload: Upload) -> None:
    """Say on the job where its page is, and nudge."""
    job.parameters = {"upload": upload.pk, "source": upload.file.source.slug}
    job.save(update_fields=["parameters"])
    nudge.after_commit("jobs")


def _tell(
    source: Source, action: str, what: str, file: ImportFile, *, by: User | None, at: datetime
) -> None:
    record(
        stream="source",
        subject_id=source.pk,
        action=action,
        actor=username(by),
        at=at,
        detail={"what": what, "file": file.pk, "sha256": bytes(file.sha256).hex()},
    )

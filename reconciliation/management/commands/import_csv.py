"""`manage.py import_csv FILE --source NAME --mapping NAME|M.json`: a table's rows as events."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from reconciliation import clock, job_runner, mappings, upload_page, upload_steps, uploads
from reconciliation.importers import NotAllowed
from reconciliation.management.answers import ImportCommand, source_named
from reconciliation.mappings import CannotSave
from reconciliation.models import ColumnMapping, Job, Source, Upload
from reconciliation.sources import mapping as reading
from reconciliation.sources.mapping import BadMapping
from reconciliation.uploads import CannotImport


class Command(ImportCommand):
    """Imports what a CSV or XLSX file says, by a mapping."""

    help = (
        "Import FILE, a CSV or XLSX file with a header, as events: the mapping says which events"
        " a row makes. The same file again changes nothing; an import that was killed goes on"
        " where it was. Rows that make no valid event are kept and listed by row and column; only"
        " a file or mapping that cannot be used is a failure."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the mapping, too."""
        super().add_arguments(parser)
        parser.add_argument(
            "--mapping",
            required=True,
            help="a saved mapping by name, or name@2 for a version of it;"
            " or a JSON file, which is saved under the file's name",
        )
        parser.add_argument(
            "--preview", action="store_true", help="say what an import would do, and do nothing"
        )

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Preview the whole file, then import it row by row unless only that was asked."""
        source, path = source_named(options["source"]), Path(options["file"])
        try:
            upload = _begun(source, path, options["mapping"])
            job = _done(upload.preview_job)
            if not options["preview"]:
                return _imported(upload)
            totals = [total.__dict__ for total in upload_page.totals(upload)]
            return {**_facts(upload, job), "preview": True, "totals": totals}
        except (BadMapping, CannotImport, CannotSave, NotAllowed) as refusal:
            raise CommandError(str(refusal)) from refusal


def _begun(source: Source, path: Path, named: str) -> Upload:
    at = clock.now()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error
    mapping = _mapping(source, named)
    file = uploads.keep(source=source, name=path.name, content=content, by=None, at=at)
    return uploads.begin(file=file, mapping=mapping, by=None, at=at)


def _mapping(source: Source, named: str) -> ColumnMapping:
    """Find a saved mapping, or save the file that is named."""
    if named.endswith(".json") or Path(named).is_file():
        return _saved(source, Path(named))
    name, _, version = named.partition("@")
    if version and not (version.isascii() and version.isdigit()):
        raise CommandError(f"{version!r} is no version of a mapping, as in {name}@2.")
    found = mappings.find(source=source, name=name, version=int(version) if version else None)
    if found is None:
        names = ColumnMapping.objects.filter(source=source).values_list("name", flat=True)
        known = ", ".join(sorted(set(names))) or "none"
        raise CommandError(f"{source.slug} has no mapping {named!r}; there are: {known}.")
    return found


def _saved(source: Source, path: Path) -> ColumnMapping:
    try:
        content = reading.read(path.read_text())
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read as JSON: {error}") from error
    return mappings.save(source=source, name=path.stem, content=content, by=None, at=clock.now())


def _imported(upload: Upload) -> dict[str, Any]:
    """Import, unless this very file has been: then everything in it is known."""
    is_again = upload.import_job is not None and upload.import_job.state == Job.State.DONE
    upload = uploads.commit(upload_id=upload.pk, by=None, at=clock.now())
    assert upload.import_job is not None
    facts = _facts(upload, _done(upload.import_job))
    if is_again:
        facts |= {"new": 0, "seen": facts["new"] + facts["seen"]}
    return facts


def _done(job: Job) -> Job:
    """Do a job here, unless a worker is at it, which is then waited for by nobody."""
    done = job_runner.run(job_id=job.pk, kinds=upload_steps.KINDS, now=clock.now)
    if done.state == Job.State.FAILED:
        raise CommandError(str(done.result.get("error", "The job failed.")))
    if done.state == Job.State.RUNNING:
        raise CommandError(f"A worker is at it: see job {done.pk}.")
    return done


def _facts(upload: Upload, job: Job) -> dict[str, Any]:
    errors = [
        {"place": f"row {error.row}", "pointer": error.pointer, "detail": error.detail}
        for error in upload_page.errors(upload)
    ]
    return {
        "job": job.pk,
        "upload": upload.pk,
        "source": upload.file.source.slug,
        "mapping": str(upload.mapping),
        "state": job.state,
        **upload_page.verdicts(job),
        "errors": errors,
    }

"""Imports: a file is uploaded, previewed, imported when asked, and followed to its outcome."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from reconciliation import importers, job_runner, mappings, upload_page, upload_steps, uploads
from reconciliation.clock import now
from reconciliation.importers import NotAllowed
from reconciliation.mappings import CannotSave
from reconciliation.models import ColumnMapping, ImportFile, Job, Source, Upload
from reconciliation.sources import mapping as reading
from reconciliation.sources.mapping import BadMapping
from reconciliation.uploads import CannotImport

IMPORTS = "/imports/"
_LONGEST_ID = 18  # digits that a bigint surely holds
_AT_ONCE = 256 * 1024  # bytes of a file that is previewed while the person waits
_REFUSALS = (CannotImport, CannotSave, BadMapping)


@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """Show uploads, newest first, or take a file."""
    person = _reader(request)
    if request.method != "POST":
        return _list(request, person)
    if not importers.open_sources(person).exists():
        raise PermissionDenied("Needs Platform owner, or a lead of the team that owns the source.")
    try:
        return _taken(request, person)
    except NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except _REFUSALS as refusal:
        return _list(request, person, problem=str(refusal))


@require_safe
def upload(request: HttpRequest, upload_id: int) -> HttpResponse:
    """Show an upload: its preview, its progress, or what became of its events."""
    _reader(request)
    return _show(request, _found(upload_id))


@require_POST
def commit(request: HttpRequest, upload_id: int) -> HttpResponse:
    """Have a previewed file imported, or an import go on."""
    person = _reader(request)
    _found(upload_id)
    try:
        uploads.commit(upload_id=upload_id, by=person, at=now())
    except NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except CannotImport as refusal:
        shown = _found(upload_id)
        return _show(request, shown, problem=str(refusal), status=HTTPStatus.CONFLICT)
    if request.headers.get("HX-Request") == "true":
        return _show(request, _found(upload_id))
    return HttpResponseRedirect(f"{IMPORTS}{upload_id}/", status=HTTPStatus.SEE_OTHER)


@require_safe
def errors(request: HttpRequest, upload_id: int) -> StreamingHttpResponse:
    """Send the rows that failed, each with its reasons."""
    _reader(request)
    found = _found(upload_id)
    answer = StreamingHttpResponse(
        upload_page.error_file(found), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="errors-{found.pk}.csv"'
    return answer


@require_safe
def mapping(request: HttpRequest, mapping_id: int) -> HttpResponse:
    """Show one version of a mapping, and the others of its name."""
    _reader(request)
    try:
        found = ColumnMapping.objects.select_related("source", "created_by").get(pk=mapping_id)
    except ColumnMapping.DoesNotExist as missing:
        raise Http404 from missing
    versions = ColumnMapping.objects.filter(source=found.source, name=found.name)
    context = {"mapping": found, "versions": versions.order_by("-version")}
    return render(request, "reconciliation/mapping.html", context)


def _taken(request: HttpRequest, person: User) -> HttpResponse:
    """Keep the file, then have it previewed, or ask for a mapping where there is none."""
    at, given = now(), request.FILES.get("file")
    source, mapping = chosen(request.POST.get("mapping", ""))
    if not isinstance(given, UploadedFile) or not given.name:
        raise CannotImport("Choose a file. Nothing was kept.")
    written = request.FILES.get("written")
    if isinstance(written, UploadedFile) and written.name:
        content = reading.read(written.read().decode("utf-8-sig", errors="replace"))
        name = written.name.rpartition(".")[0] or written.name
        mapping = mappings.save(source=source, name=name[:64], content=content, by=person, at=at)
    file = uploads.keep(source=source, name=given.name, content=given.read(), by=person, at=at)
    if mapping is None:
        return HttpResponseRedirect(f"{IMPORTS}files/{file.pk}/", status=HTTPStatus.SEE_OTHER)
    return begin(request, file=file, chosen=mapping, person=person)


def begin(
    request: HttpRequest, *, file: ImportFile, chosen: ColumnMapping, person: User
) -> HttpResponse:
    """Have a file previewed, at once if it is small, and go to its page."""
    begun = uploads.begin(file=file, mapping=chosen, by=person, at=now())
    if begun.import_job_id:
        messages.info(request, f"{file.name} was imported by {chosen} before. Nothing changed.")
    elif file.size_bytes <= _AT_ONCE:
        job_runner.run(job_id=begun.preview_job_id, kinds=upload_steps.KINDS, now=now)
    return HttpResponseRedirect(f"{IMPORTS}{begun.pk}/", status=HTTPStatus.SEE_OTHER)


def chosen(text: str) -> tuple[Source, ColumnMapping | None]:
    """Read what the form's list of mappings says: m7 is a mapping, s3 a new one for a source."""
    number = text[1:]
    is_number = number.isascii() and number.isdigit() and len(number) <= _LONGEST_ID
    if text[:1] == "m" and is_number:
        found = ColumnMapping.objects.select_related("source").filter(pk=number).first()
        if found:
            return found.source, found
    if text[:1] == "s" and is_number:
        source = Source.objects.filter(pk=number).first()
        if source:
            return source, None
    raise CannotImport("Choose how the columns are read. Nothing was kept.")


def _list(request: HttpRequest, person: User, *, problem: str = "") -> HttpResponse:
    given = request.GET.get("after", "0")
    if not (given.isascii() and given.isdigit() and len(given) <= _LONGEST_ID):
        raise BadRequest("That place in the list does not exist.")
    found, more = upload_page.recent(older_than=int(given))
    context = {
        "rows": [(each, upload_page.phase(each)) for each in found],
        "older_href": f"{IMPORTS}?after={more}" if more else "",
        "newest_href": IMPORTS if "after" in request.GET else "",
        "choices": choices(person),
        "problem": problem,
        "most_mib": uploads.MOST_BYTES // 2**20,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return render(request, "reconciliation/imports.html", context, status=status)


def choices(person: User) -> list[tuple[Source, list[ColumnMapping]]]:
    """Give the sources that a person may bring files for, each with its newest mappings."""
    found = []
    for source in importers.open_sources(person):
        named = ColumnMapping.objects.filter(source=source).order_by("name", "-version")
        found.append((source, list(named.distinct("name"))))
    return found


def _show(
    request: HttpRequest, found: Upload, *, problem: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    phase = upload_page.phase(found)
    outcome = request.GET.get("show", "")
    if outcome and outcome not in upload_page.LISTED:
        raise Http404
    context: dict[str, Any] = {
        "upload": found,
        "phase": phase,
        "problem": problem,
        "refusal": _refusal(request, found),
        "show": outcome,
    }
    context |= _imported(found, outcome) if found.import_job else _previewed(found, phase)
    piece = request.headers.get("HX-Target") == "import"
    template = "reconciliation/_import.html" if piece else "reconciliation/import.html"
    return render(request, template, context, status=status)


def _previewed(found: Upload, phase: upload_page.Phase) -> dict[str, Any]:
    if phase.job.state != Job.State.DONE:
        return {}
    return {
        "counts": upload_page.verdicts(phase.job),
        "totals": upload_page.totals(found),
        "sample": upload_page.sample(found),
        "errors": upload_page.errors(found),
        "unused": upload_page.rows_without_events(found),
    }


def _imported(found: Upload, outcome: str) -> dict[str, Any]:
    return {
        "funnel": upload_page.funnel(found),
        "totals": upload_page.totals(found),
        "errors": upload_page.errors(found),
        "listed": upload_page.listed(found, outcome) if outcome else [],
    }


def _refusal(request: HttpRequest, found: Upload) -> str:
    """Say why this person may not import it; empty: they may."""
    try:
        importers.check_can_import(person_of(request), found.file.source)
    except NotAllowed as refusal:
        return str(refusal)
    return ""


def _found(upload_id: int) -> Upload:
    try:
        return Upload.objects.select_related(
            "file__source__owner_team", "mapping", "preview_job", "import_job", "created_by"
        ).get(pk=upload_id)
    except Upload.DoesNotExist as missing:
        raise Http404 from missing


def _reader(request: HttpRequest) -> User:
    person = person_of(request)
    try:
        importers.check_can_read(person)
    except NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    return person


def person_of(request: HttpRequest) -> User:
    """Name who asks."""
    assert isinstance(request.user, User)
    return request.user

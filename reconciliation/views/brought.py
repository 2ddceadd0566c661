"""Full exports that people bring to be compared: taken, followed to their outcome, handed back."""

from datetime import datetime
from http import HTTPStatus

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.utils.timezone import get_current_timezone, is_naive
from django.views.decorators.http import require_safe

from reconciliation import brought, brought_page, importers, uploads
from reconciliation.brought import CannotBring, Wanted
from reconciliation.clock import now
from reconciliation.importers import NotAllowed
from reconciliation.models import Job
from reconciliation.uploads import CannotImport
from reconciliation.views.imports import chosen, person_of

_EXPORTS = "/comparisons/exports/"


def taken(request: HttpRequest, person: User) -> HttpResponse:
    """Keep the file that a form brings and have it compared. Raises NotAllowed, CannotBring."""
    at, given = now(), request.FILES.get("file")
    wanted = _wanted(request)
    try:
        source, mapping = chosen(request.POST.get("mapping", ""))
    except CannotImport:
        raise CannotBring(
            {"mapping": "Choose the source and how its records are written."}
        ) from None
    importers.check_can_import(person, source)
    brought.check(source=source, wanted=wanted, at=at)
    if not isinstance(given, UploadedFile) or not given.name:
        raise CannotBring({"file": "Choose a file."})
    try:
        file = uploads.keep(source=source, name=given.name, content=given.read(), by=person, at=at)
    except CannotImport as refusal:
        raise CannotBring({"file": str(refusal)}) from refusal
    job = brought.begin(file=file, mapping=mapping, wanted=wanted, by=person, at=at)
    return HttpResponseRedirect(f"{_EXPORTS}{job.pk}/", status=HTTPStatus.SEE_OTHER)


@require_safe
def export(request: HttpRequest, job_id: int) -> HttpResponse:
    """Show one export: how far it is, what is wrong with it, or what it found."""
    context = {"each": _found(request, job_id)}
    piece = request.headers.get("HX-Target") == "brought"
    template = "reconciliation/_brought.html" if piece else "reconciliation/brought.html"
    return render(request, template, context)


@require_safe
def errors(request: HttpRequest, job_id: int) -> StreamingHttpResponse:
    """Send everything that is wrong with its records."""
    answer = StreamingHttpResponse(
        brought_page.error_file(_found(request, job_id)), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="errors-{job_id}.csv"'
    return answer


def _found(request: HttpRequest, job_id: int) -> brought_page.Brought:
    try:
        importers.check_can_read(person_of(request))
        return brought_page.one(job_id=job_id)
    except NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except Job.DoesNotExist as missing:
        raise Http404 from missing


def _wanted(request: HttpRequest) -> Wanted:
    return Wanted(
        since=_moment(request.POST.get("since", "")),
        until=_moment(request.POST.get("until", "")),
        types=sorted(set(request.POST.getlist("types"))),
    )


def _moment(given: str) -> datetime | None:
    """Read a moment in the reader's time zone unless it says another; None if it is none."""
    try:
        moment = parse_datetime(given.strip())
    except ValueError:
        return None
    if moment is not None and is_naive(moment):
        return moment.replace(tzinfo=get_current_timezone())
    return moment

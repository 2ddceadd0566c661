"""Maps a file's columns: the fields of a type as form controls, saved as a version."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from reconciliation import importers, mapping_form, mappings, uploads
from reconciliation.clock import now
from reconciliation.importers import NotAllowed
from reconciliation.mapping_form import BadForm
from reconciliation.mappings import CannotSave
from reconciliation.models import ColumnMapping, ImportFile
from reconciliation.sources import cells, tables
from reconciliation.sources.mapping import BadMapping
from reconciliation.sources.tables import BadFile
from reconciliation.views.imports import begin, person_of

_LONGEST_ID = 18  # digits that a bigint surely holds


@require_http_methods(["GET", "HEAD", "POST"])
def map_file(request: HttpRequest, file_id: int) -> HttpResponse:
    """Show a file's columns beside an event's fields; save what they mean, then preview."""
    file, person = _file(file_id), person_of(request)
    try:
        importers.check_can_import(person, file.source)
    except NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    if request.method == "POST":
        return _saved(request, file, person)
    start = _start(request, file)
    known = {**tables.guess(uploads.content(file)), **start, **_given(request)}
    return _show(request, file, known)


def _saved(request: HttpRequest, file: ImportFile, person: User) -> HttpResponse:
    """Save the mapping and have the file previewed by it; what is wrong is said at its control."""
    given = _given(request)
    try:
        content = mapping_form.content(type_=_type(given), values=given)
        saved = mappings.save(
            source=file.source, name=given.get("name", ""), content=content, by=person, at=now()
        )
    except BadForm as refusal:
        return _show(request, file, given, problems=refusal.problems)
    except (BadMapping, CannotSave) as refusal:
        return _show(request, file, given, problems={"name": str(refusal)})
    return begin(request, file=file, chosen=saved, person=person)


def _show(
    request: HttpRequest,
    file: ImportFile,
    values: Mapping[str, str],
    *,
    problems: Mapping[str, str] | None = None,
) -> HttpResponse:
    header, unread = _header(file, values)
    type_ = _type(values)
    usual = {"sender": f"urn:{file.source.slug}:files", "name": file.name.rpartition(".")[0][:64]}
    filled = {**mapping_form.blank(type_=type_, header=header), **usual, **values}
    context: dict[str, Any] = {
        "file": file,
        "header": header,
        "unread": unread,
        "types": mapping_form.types(),
        "form": mapping_form.form(type_=type_, values=filled, problems=problems),
        "reading": [(name, filled.get(name, "")) for name in mapping_form.READING],
        "delimiters": mapping_form.DELIMITERS,
        "encodings": mapping_form.ENCODINGS,
        "decimals": mapping_form.DECIMALS,
        "thousands": mapping_form.THOUSANDS,
        "is_csv": not tables.is_xlsx(uploads.content(file)),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK
    return render(request, "reconciliation/map_file.html", context, status=status)


def _header(file: ImportFile, values: Mapping[str, str]) -> tuple[list[str], str]:
    """Read the columns' names as the form says to; or why they cannot be read."""
    options: dict[str, Any] = {
        name: values[name] for name in mapping_form.READING if values.get(name)
    }
    first = str(options.pop("header_row", "1"))
    options["header_row"] = int(first) if first.isascii() and first.isdigit() else 1
    try:
        row = next(tables.rows(uploads.content(file), options), None)
    except BadFile as refusal:
        return [], str(refusal)
    return [cells.as_text(cell) for cell in row.cells] if row else [], ""


def _start(request: HttpRequest, file: ImportFile) -> dict[str, str]:
    """Begin with a mapping there is, if one is named."""
    given = request.GET.get("from", "")
    if not (given.isascii() and given.isdigit() and len(given) <= _LONGEST_ID):
        return {}
    found = ColumnMapping.objects.filter(pk=given, source=file.source).first()
    return {**mapping_form.of_mapping(found.content), "name": found.name} if found else {}


def _given(request: HttpRequest) -> dict[str, str]:
    given = request.POST if request.method == "POST" else request.GET
    return {name: str(value) for name, value in given.items() if name != "from"}


def _type(values: Mapping[str, str]) -> str:
    wanted = values.get("type", "")
    return wanted if wanted in mapping_form.types() else "payment.captured"


def _file(file_id: int) -> ImportFile:
    try:
        found = ImportFile.objects.select_related("source__owner_team").get(pk=file_id)
    except ImportFile.DoesNotExist as missing:
        raise Http404 from missing
    if found.forgotten_at:
        raise Http404
    return found

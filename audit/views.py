"""The audit list, and its exports."""

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from audit import exports, queries
from audit.forms import FilterForm
from audit.models import AuditEvent
from audit.presenters import lines, seal_words

AUDIT = "/audit/"
EXPORTERS = frozenset({"Auditor", "Admin", "Platform owner", "Executive", "Team lead"})
READERS = EXPORTERS | {"Operator"}  # who did it wants to see it proved
LATE_SEAL_SECONDS = 30
_FORMATS: dict[str, tuple[str, Callable[[Iterable[AuditEvent]], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", exports.as_csv),
    "jsonl": ("application/jsonl; charset=utf-8", exports.as_jsonl),
}


class NotAReader(PermissionDenied):
    """The person has no role that reads the trail."""

    role = "Auditor"


@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """Show the trail, newest first."""
    _check_holds(request, READERS)
    form = FilterForm(request.GET)
    is_good = form.is_valid()
    asked = form.asked()
    page = _page(request, form) if is_good else queries.Slice([], False, False)  # noqa: FBT003
    rows = lines(page.rows)
    context: dict[str, Any] = {
        "form": form,
        "rows": rows,
        "is_filtered": bool(asked),
        "newer_href": _href(asked, newer=rows[0].id) if page.has_newer else "",
        "older_href": _href(asked, older=rows[-1].id) if page.has_older else "",
        "newest_href": _href(asked),
        "csv_href": f"{AUDIT}export.csv?{urlencode(asked)}",
        "jsonl_href": f"{AUDIT}export.jsonl?{urlencode(asked)}",
    }
    if request.headers.get("HX-Target") == "rows":
        return render(request, "audit/_rows.html", context)
    seal = queries.seal_state(at=timezone.now())
    context |= {"seal_words": seal_words(seal), "seal_tone": _tone(seal)}
    status = HTTPStatus.OK if is_good else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "audit/audit.html", context, status=status)


@require_safe
def export(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """Stream what the list's filters find; the export itself goes on the trail."""
    by = _check_holds(request, EXPORTERS)
    asked = FilterForm(request.GET)
    if not asked.is_valid():
        raise BadRequest("These filters cannot be read.")
    content_type, written = _FORMATS[form]
    at = timezone.now()
    exports.note_export(what="audit", how=form, filters=asked.asked(), by=by, at=at)
    response = StreamingHttpResponse(
        written(queries.everything(filters=asked.filters())), content_type=content_type
    )
    response["Content-Disposition"] = f'attachment; filename="audit-{at:%Y%m%d-%H%M%S}.{form}"'
    return response


def can_read(user: User) -> bool:
    """Tell whether a person may read the trail, so that a page may lead to it."""
    return _holds(user, READERS)


def _holds(user: User, roles: frozenset[str]) -> bool:
    return user.is_superuser or user.groups.filter(name__in=roles).exists()


def _check_holds(request: HttpRequest, roles: frozenset[str]) -> User:
    user = request.user
    assert isinstance(user, User)
    if not _holds(user, roles):
        raise NotAReader(
            "The audit log is read by auditors, team leads, executives and platform owners."
        )
    return user


def _tone(seal: queries.SealState) -> str:
    if seal.waiting and seal.waiting_for.total_seconds() > LATE_SEAL_SECONDS:
        return "warn"
    return "ok" if seal.sealed else "none"


def _page(request: HttpRequest, form: FilterForm) -> queries.Slice:
    sides = {name: _row_id(request, name) for name in ("older", "newer")}
    try:
        return queries.search(
            filters=form.filters(), older_than=sides["older"], newer_than=sides["newer"]
        )
    except AuditEvent.DoesNotExist as missing:
        raise BadRequest("That place on the trail does not exist.") from missing


def _row_id(request: HttpRequest, name: str) -> int | None:
    given = request.GET.get(name, "")
    if given and not (given.isascii() and given.isdigit() and len(given) < 19):  # noqa: PLR2004
        raise BadRequest("That place on the trail does not exist.")
    return int(given) if given else None


def _href(asked: dict[str, str], **place: int) -> str:
    parts = urlencode([*asked.items(), *((side, str(row_id)) for side, row_id in place.items())])
    return f"{AUDIT}?{parts}" if parts else AUDIT

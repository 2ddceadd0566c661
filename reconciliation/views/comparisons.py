"""Comparisons with sources' own records: what they found, and how often they are made."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.timezone import localtime
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from reconciliation import (
    brought,
    brought_page,
    brought_steps,
    diff,
    diff_schedule,
    importers,
    nudge,
    uploads,
)
from reconciliation import comparisons as reads
from reconciliation.clock import now
from reconciliation.models import DiffSchedule, DiffWindow, Source
from reconciliation.sources import canonical
from reconciliation.views.brought import taken
from reconciliation.views.imports import choices

_LONGEST_NUMBER = 9
_WHO_BRINGS = "Needs Platform owner, or a lead of the team that owns the source."


@require_http_methods(["GET", "HEAD", "POST"])
def comparisons(request: HttpRequest) -> HttpResponse:
    """Show every source's comparisons, the newest first, or take a full export to compare."""
    if request.method != "POST":
        return _list(request)
    if not importers.open_sources(_person(request)).exists():
        raise PermissionDenied(_WHO_BRINGS)
    try:
        return taken(request, _person(request))
    except importers.NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except brought.CannotBring as refusal:
        return _list(request, problems=refusal.problems)


def _list(request: HttpRequest, problems: dict[str, str] | None = None) -> HttpResponse:
    slug, person = request.GET.get("source", ""), _person(request)
    rows, more = reads.windows(source_slug=slug, older_than=_older_than(request))
    context = {
        "brings": choices(person),
        "brought": brought_page.recent() if importers.can_read(person) else [],
        "types": sorted(canonical.REFERENCE_FIELDS),
        "given": request.POST or _yesterday(),
        "given_types": request.POST.getlist("types"),
        "problems": problems or {},
        "most_mib": uploads.MOST_BYTES // 2**20,
        "most_records": brought_steps.MOST_RECORDS,
        "windows": rows,
        "schedules": reads.schedules(),
        "refusal": reads.refusal(person),
        "older_href": f"/comparisons/?source={slug}&after={more}" if more else "",
        "newest_href": f"/comparisons/?source={slug}" if "after" in request.GET else "",
        "only": Source.objects.filter(slug=slug).first() if slug else None,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK
    return render(request, "reconciliation/comparisons.html", context, status=status)


def _yesterday() -> dict[str, str]:
    """Give a form the day before this one to begin with, in the reader's time zone."""
    today = localtime(now()).replace(hour=0, minute=0)
    day_before = today - timedelta(days=1)
    return {"since": f"{day_before:%Y-%m-%dT%H:%M}", "until": f"{today:%Y-%m-%dT%H:%M}"}


@require_safe
def comparison(request: HttpRequest, window_id: int) -> HttpResponse:
    """Show one window: control totals of both sides, then what is apart."""
    return _show(request, window_id)


@require_POST
def again(request: HttpRequest, window_id: int) -> HttpResponse:
    """Have one window compared anew."""
    try:
        diff_schedule.check_can_manage(_person(request))
        diff.compare_again(window_id=window_id, by=_person(request), at=now())
    except DiffWindow.DoesNotExist as missing:
        raise Http404 from missing
    except diff_schedule.NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except diff.CannotCompare as refusal:
        return _show(request, window_id, problem=str(refusal), status=HTTPStatus.CONFLICT)
    nudge.after_commit("diff")
    messages.info(request, "It is compared again now. Reload in a moment to see what it found.")
    return HttpResponseRedirect(f"/comparisons/{window_id}/", status=HTTPStatus.SEE_OTHER)


@require_http_methods(["GET", "HEAD", "POST"])
def schedule(request: HttpRequest, slug: str) -> HttpResponse:
    """Show how a source is compared, and change it."""
    source = Source.objects.filter(slug=slug).exclude(kind="internal").first()
    if source is None:
        raise Http404
    if not diff_schedule.can_manage(_person(request)):
        raise PermissionDenied(diff_schedule.NEEDS)
    known = DiffSchedule.objects.filter(source=source).first()
    if request.method != "POST":
        return _form(request, source, reads.fields_of(known))
    given = _given(request)
    try:
        diff_schedule.schedule(
            source_slug=slug,
            wanted=diff_schedule.Wanted(
                export_url=given["export_url"],
                types=sorted(set(given["types"])),
                every_seconds=_seconds(given["every"]),
                lag_seconds=_seconds(given["lag"]),
                takes_in=given["takes_in"],
                is_on=given["is_on"],
            ),
            by=_person(request),
            at=now(),
        )
    except diff_schedule.CannotSchedule as refusal:
        return _form(request, source, given, refusal.problems, HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.success(request, f"{source.name} is compared as you said, from now on.")
    return HttpResponseRedirect("/comparisons/", status=HTTPStatus.SEE_OTHER)


def _form(
    request: HttpRequest,
    source: Source,
    fields: dict[str, Any],
    problems: dict[str, str] | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "source": source,
        "fields": fields,
        "problems": problems or {},
        "types": sorted(canonical.REFERENCE_FIELDS),
    }
    return render(request, "reconciliation/comparison_schedule.html", context, status=status)


def _given(request: HttpRequest) -> dict[str, Any]:
    return {
        "export_url": request.POST.get("export_url", "").strip(),
        "types": request.POST.getlist("types"),
        "every": request.POST.get("every", "").strip(),
        "lag": request.POST.get("lag", "").strip(),
        "takes_in": "takes_in" in request.POST,
        "is_on": "is_on" in request.POST,
    }


def _seconds(minutes: str) -> int:
    """Read minutes; what is no number is -1, which no schedule takes."""
    is_number = minutes.isascii() and minutes.isdigit() and len(minutes) < _LONGEST_NUMBER
    return min(int(minutes) * 60, 2**31 - 1) if is_number else -1


def _show(
    request: HttpRequest, window_id: int, *, problem: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    window = DiffWindow.objects.select_related("source").filter(pk=window_id).first()
    if window is None:
        raise Http404
    context = {
        "row": reads.row(window),
        "window": window,
        "found": reads.found_in(window=window),
        "refusal": reads.refusal(_person(request)),
        "problem": problem,
    }
    return render(request, "reconciliation/comparison.html", context, status=status)


def _older_than(request: HttpRequest) -> int | None:
    given = request.GET.get("after", "")
    if given and not (given.isascii() and given.isdigit() and len(given) <= 2 * _LONGEST_NUMBER):
        raise BadRequest("That place in the list does not exist.")
    return int(given) if given else None


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user

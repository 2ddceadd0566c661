"""Jobs: what runs, how far it is, and the button that stops it."""

from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from reconciliation import full_pass
from reconciliation import jobs as work
from reconciliation.clock import now
from reconciliation.models import Job

_LONGEST_ID = 18  # digits that a bigint surely holds


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """Show jobs and passes, the newest first."""
    older_than = _older_than(request)
    rows, more = work.job_page(user=_person(request), older_than=older_than)
    context = {
        "jobs": rows,
        "runs": work.recent_runs(),
        "is_live": older_than is None and any(row.is_under_way for row in rows),
        "older_href": f"/jobs/?after={more}" if more else "",
        "newest_href": "/jobs/" if older_than is not None else "",
        "pass_refusal": "" if full_pass.can_start(_person(request)) else full_pass.NEEDS,
    }
    if request.headers.get("HX-Target") == "jobs":
        return render(request, "reconciliation/_jobs.html", context)
    return render(request, "reconciliation/jobs.html", context)


@require_safe
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    """Show one job; while it runs, the piece asks for itself every second."""
    return _show(request, job_id)


@require_POST
def start_pass(request: HttpRequest) -> HttpResponse:
    """Have every order judged, whatever is due; the job's page shows how far it is."""
    try:
        job = full_pass.start(by=_person(request), at=now())
    except full_pass.NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except full_pass.CannotStart as refusal:
        messages.info(request, str(refusal))
        return HttpResponseRedirect("/jobs/", status=HTTPStatus.SEE_OTHER)
    return HttpResponseRedirect(f"/jobs/{job.pk}/", status=HTTPStatus.SEE_OTHER)


@require_POST
def stop(request: HttpRequest, job_id: int) -> HttpResponse:
    """Ask a job to stop."""
    try:
        asked = work.ask_stop(job_id=job_id, by=_person(request), at=now())
    except Job.DoesNotExist as missing:
        raise Http404 from missing
    except work.NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except work.CannotStop as refusal:
        return _show(request, job_id, problem=str(refusal), status=HTTPStatus.CONFLICT)
    if request.headers.get("HX-Request") == "true":
        return _show(request, job_id)
    messages.info(request, f"{asked.title} stops at its next step. What is done stays done.")
    return HttpResponseRedirect(f"/jobs/{job_id}/", status=HTTPStatus.SEE_OTHER)


def _show(
    request: HttpRequest, job_id: int, *, problem: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    try:
        row = work.job_row(job_id=job_id, user=_person(request))
    except Job.DoesNotExist as missing:
        raise Http404 from missing
    is_piece = request.headers.get("HX-Target") == "job"
    template = "reconciliation/_job.html" if is_piece else "reconciliation/job.html"
    return render(request, template, {"job": row, "problem": problem}, status=status)


def _older_than(request: HttpRequest) -> int | None:
    given = request.GET.get("after", "")
    if given and not (given.isascii() and given.isdigit() and len(given) <= _LONGEST_ID):
        raise BadRequest("That place in the list does not exist.")
    return int(given) if given else None


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user

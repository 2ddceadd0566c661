"""People: find what is held of one by their key, hold it, or erase it."""

from collections.abc import Callable
from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from reconciliation import erasure
from reconciliation.clock import now
from reconciliation.models import SubjectData

_PEOPLE = "/people/"


@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    """Ask for a key. It is sent in the body: an address must not stand in a log."""
    try:
        erasure.check_reads(_person(request))
    except erasure.NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    text = request.POST.get("key", "").strip()
    if text:
        found = erasure.find(text=text, by=_person(request))
        if found is not None:
            return HttpResponseRedirect(f"{_PEOPLE}{found}/", status=HTTPStatus.SEE_OTHER)
    context = {"key": text, "is_missing": bool(text)}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if request.method == "POST" else HTTPStatus.OK
    return render(request, "reconciliation/people.html", context, status=status)


@require_safe
def person(request: HttpRequest, subject_id: int) -> HttpResponse:
    """Show what is held of one person, and what stands against erasing it."""
    return _show(request, subject_id)


@require_POST
def erase(request: HttpRequest, subject_id: int) -> HttpResponse:
    """Erase a person for good."""
    return _do(
        request,
        subject_id,
        lambda: erasure.erase(
            subject_id=subject_id,
            typed=request.POST.get("typed", ""),
            reason=request.POST.get("reason", ""),
            by=_person(request),
            at=now(),
        ),
        "Erased. What was held of them is gone for good; facts and trail stay.",
    )


@require_POST
def hold(request: HttpRequest, subject_id: int) -> HttpResponse:
    """Keep a person from being erased, or lift that."""
    verb = erasure.lift if request.POST.get("lift") else erasure.hold
    said = "The hold is lifted." if request.POST.get("lift") else "They are under a hold now."
    return _do(
        request,
        subject_id,
        lambda: verb(
            subject_id=subject_id,
            reason=request.POST.get("reason", ""),
            by=_person(request),
            at=now(),
        ),
        said,
    )


def _do(request: HttpRequest, subject_id: int, verb: Callable[[], None], said: str) -> HttpResponse:
    try:
        verb()
    except SubjectData.DoesNotExist as missing:
        raise Http404 from missing
    except erasure.NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except erasure.CannotErase as refusal:
        return _show(
            request, subject_id, problem=str(refusal), status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    messages.success(request, said)
    return HttpResponseRedirect(f"{_PEOPLE}{subject_id}/", status=HTTPStatus.SEE_OTHER)


def _show(
    request: HttpRequest, subject_id: int, *, problem: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    try:
        held = erasure.held_of(subject_id=subject_id, by=_person(request))
    except SubjectData.DoesNotExist as missing:
        raise Http404 from missing
    except erasure.NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    context = {
        "held": held,
        "refusal": erasure.refusal(_person(request)),
        "problem": problem,
        "reason": request.POST.get("reason", ""),
    }
    return render(request, "reconciliation/person.html", context, status=status)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user

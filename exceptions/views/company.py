"""The company's days off: added and taken back on the page of all teams."""

from datetime import date
from http import HTTPStatus

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from exceptions import company
from exceptions.permissions import NotAllowed
from exceptions.views.answers import person
from exceptions.views.teams import TEAMS, show_all
from reconciliation.clock import now


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Make a day a day off for everyone, or a working day again."""
    by, at, name = person(request), now(), request.POST.get("name", "")
    if why_not := company.refusal(by):
        raise PermissionDenied(why_not)
    try:
        day = date.fromisoformat(request.POST.get("day", ""))
    except ValueError:
        return _refuse(request, "Enter a day, such as 2026-12-24. Nothing changed.")
    try:
        if "remove" in request.POST:
            said = f"{company.remove(day=day, by=by, at=at)} is a working day again."
        else:
            company.add(day=day, name=name, by=by, at=at)
            said = f"{day:%-d %b %Y} is a day off. Clocks that run keep the time they were due."
    except NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except company.CannotClose as refusal:
        return _refuse(request, str(refusal))
    messages.info(request, said)
    return HttpResponseRedirect(f"{TEAMS}#days-off", status=HTTPStatus.SEE_OTHER)


def _refuse(request: HttpRequest, problem: str) -> HttpResponse:
    return show_all(request, problem=problem)

"""Handing a case to another team, and answering: each by a button, with script and without."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from exceptions import handoff
from exceptions.desk import Conflict
from exceptions.forms import HandoffForm, ReasonForm, VersionForm, first_error
from exceptions.permissions import NotAllowed, readable_cases
from exceptions.views.answers import check_visible, conflicted, deny, done, left, person, refused
from reconciliation.clock import now
from reconciliation.models import Team


@require_POST
def send(request: HttpRequest, case_id: int) -> HttpResponse:
    """Offer a case to another team."""
    by, at, form = person(request), now(), HandoffForm(request.POST)
    team = Team.objects.filter(slug=request.POST.get("team", "")).first()
    named = request.POST.get("person", "")
    to = User.objects.filter(username=named, is_active=True).first() if named else None
    if team is None or (named and to is None):
        text = "Choose a team from the list, and a person of it or nobody. Nothing changed."
        check_visible(request, case_id)
        return refused(request, case_id, text=text, at=at, status=HTTPStatus.UNPROCESSABLE_ENTITY)

    def do(sent: dict[str, Any]) -> object:
        return handoff.send(
            case_id=case_id, to_team=team, to_person=to, reason=sent["reason"], by=by, at=at,
            version=sent["version"],
        )  # fmt: skip

    said = f"Handed to {team.name}. It stays yours until they accept."
    return _answer(request, case_id, form, at=at, do=do, said=said)


@require_POST
def accept(request: HttpRequest, case_id: int) -> HttpResponse:
    """Take over a case that was handed to us."""
    by, at = person(request), now()
    return _answer(
        request,
        case_id,
        VersionForm(request.POST),
        at=at,
        do=lambda sent: handoff.accept(case_id=case_id, by=by, at=at, version=sent["version"]),
        said="Accepted. It is your team's now.",
    )


@require_POST
def bounce(request: HttpRequest, case_id: int) -> HttpResponse:
    """Send it back with a reason."""
    by, at = person(request), now()
    return _answer(
        request,
        case_id,
        ReasonForm(request.POST),
        at=at,
        do=lambda sent: handoff.bounce(
            case_id=case_id, reason=sent["reason"], by=by, at=at, version=sent["version"]
        ),
        said="Bounced. It stays with its team, who are told why.",
    )


@require_POST
def withdraw(request: HttpRequest, case_id: int) -> HttpResponse:
    """Take a handoff back before it is answered."""
    by, at = person(request), now()
    return _answer(
        request,
        case_id,
        VersionForm(request.POST),
        at=at,
        do=lambda sent: handoff.withdraw(case_id=case_id, by=by, at=at, version=sent["version"]),
        said="Taken back. Nothing was handed over.",
    )


def _answer(
    request: HttpRequest,
    case_id: int,
    form: forms.Form,
    *,
    at: datetime,
    do: Callable[[dict[str, Any]], object],
    said: str,
) -> HttpResponse:
    """Do one verb with what the form says; answer what came of it."""
    check_visible(request, case_id)
    if not form.is_valid():
        text = f"{first_error(form)} Nothing changed."
        return refused(request, case_id, text=text, at=at, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        do(form.cleaned_data)
    except NotAllowed as refusal:
        raise deny(refusal) from refusal
    except Conflict as refusal:
        return conflicted(request, case_id, refusal, at=at)
    except handoff.CannotHandOff as refusal:
        return refused(
            request, case_id, text=str(refusal), at=at, status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    if not readable_cases(person(request)).filter(pk=case_id).exists():
        return left(request, said=said)
    return done(request, case_id, said=said, at=at)

"""One case: its page and panel, and what a person does with it."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from exceptions import merging, ownership, queries
from exceptions.desk import Conflict
from exceptions.forms import (
    AssignForm,
    MergeForm,
    ReasonForm,
    SnoozeForm,
    VersionForm,
    first_error,
)
from exceptions.permissions import NotAllowed, name_of
from exceptions.views.answers import (
    check_visible,
    conflicted,
    deny,
    detail_of,
    done,
    person,
    refused,
    show,
)
from exceptions.views.working import bar
from reconciliation.clock import now


@require_safe
def case(request: HttpRequest, case_id: int) -> HttpResponse:
    """Show everything about one exception."""
    at = now()
    return show(request, detail_of(request, case_id, at=at), around=bar(request, case_id, at=at))


@require_POST
def claim(request: HttpRequest, case_id: int) -> HttpResponse:
    """Take a case."""
    by, at, form = person(request), now(), VersionForm(request.POST)
    return _work(
        request,
        case_id,
        form,
        at=at,
        do=lambda sent: ownership.claim(case_id=case_id, by=by, at=at, version=sent["version"]),
        said="It is yours now.",
    )


@require_POST
def assign(request: HttpRequest, case_id: int) -> HttpResponse:
    """Give a case to a colleague."""
    by, at, form = person(request), now(), AssignForm(request.POST)
    to = User.objects.filter(username=request.POST.get("to", ""), is_active=True).first()
    if to is None:
        text = "Choose a person from the list. Nothing changed."
        return _refuse_form(request, case_id, text, at=at)
    return _work(
        request,
        case_id,
        form,
        at=at,
        do=lambda sent: ownership.assign(
            case_id=case_id, to=to, by=by, at=at, version=sent["version"]
        ),
        said=f"Assigned to {name_of(to)}.",
    )


@require_POST
def snooze(request: HttpRequest, case_id: int) -> HttpResponse:
    """Put a case aside until a moment."""
    by, at = person(request), now()
    return _work(
        request,
        case_id,
        SnoozeForm(request.POST, at=at, window=queries.window_ends(case_id=case_id, at=at)),
        at=at,
        do=lambda sent: ownership.snooze(
            case_id=case_id,
            until=sent["until"],
            reason=sent["reason"],
            by=by,
            at=at,
            version=sent["version"],
            waiting_for=sent["waiting_for"] or ownership.SNOOZED,
            wake_on=sent["on"],
        ),
        said="Snoozed.",
    )


@require_POST
def wake(request: HttpRequest, case_id: int) -> HttpResponse:
    """Take a snoozed or waiting case up again."""
    by, at = person(request), now()
    return _work(
        request,
        case_id,
        VersionForm(request.POST),
        at=at,
        do=lambda sent: ownership.wake(case_id=case_id, by=by, at=at, version=sent["version"]),
        said="Back in the queue.",
    )


@require_POST
def escalate(request: HttpRequest, case_id: int) -> HttpResponse:
    """Send a case one step up before its clock does."""
    by, at = person(request), now()
    return _work(
        request,
        case_id,
        ReasonForm(request.POST),
        at=at,
        do=lambda sent: ownership.escalate(
            case_id=case_id, reason=sent["reason"], by=by, at=at, version=sent["version"]
        ),
        said="Escalated.",
    )


@require_POST
def dismiss(request: HttpRequest, case_id: int) -> HttpResponse:
    """Close a case as fine as it is, with a reason that is kept."""
    by, at = person(request), now()
    return _work(
        request,
        case_id,
        ReasonForm(request.POST),
        at=at,
        do=lambda sent: ownership.dismiss(
            case_id=case_id, reason=sent["reason"], by=by, at=at, version=sent["version"]
        ),
        said="Dismissed. The check is waived until its values change.",
    )


@require_POST
def merge(request: HttpRequest, case_id: int) -> HttpResponse:
    """Put a case to another that is the same."""
    by, at = person(request), now()
    return _work(
        request,
        case_id,
        MergeForm(request.POST),
        at=at,
        do=lambda sent: merging.merge(
            case_id=case_id, into_id=sent["into"], by=by, at=at, version=sent["version"]
        ),
        said="Merged. It follows the other, and can be taken apart again.",
    )


@require_POST
def separate(request: HttpRequest, case_id: int) -> HttpResponse:
    """Take a merged case apart again."""
    by, at = person(request), now()
    return _work(
        request,
        case_id,
        VersionForm(request.POST),
        at=at,
        do=lambda sent: merging.separate(case_id=case_id, by=by, at=at, version=sent["version"]),
        said="Taken apart. It is back in the queue.",
    )


@require_POST
def reopen(request: HttpRequest, case_id: int) -> HttpResponse:
    """Take a dismissed case up again."""
    by, at = person(request), now()
    return _work(
        request,
        case_id,
        VersionForm(request.POST),
        at=at,
        do=lambda sent: ownership.reopen(case_id=case_id, by=by, at=at, version=sent["version"]),
        said="Reopened.",
    )


def _work(
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
        return _refuse_form(request, case_id, f"{first_error(form)} Nothing changed.", at=at)
    try:
        do(form.cleaned_data)
    except NotAllowed as refusal:
        raise deny(refusal) from refusal
    except Conflict as refusal:
        return conflicted(request, case_id, refusal, at=at)
    except ownership.Cannot as refusal:
        return _refuse_form(request, case_id, str(refusal), at=at)
    return done(request, case_id, said=said, at=at)


def _refuse_form(request: HttpRequest, case_id: int, text: str, *, at: datetime) -> HttpResponse:
    check_visible(request, case_id)
    return refused(request, case_id, text=text, at=at, status=HTTPStatus.UNPROCESSABLE_ENTITY)

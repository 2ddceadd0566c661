"""Working through a view: from one exception to the next."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST, require_safe

from exceptions import working
from exceptions.desk import Conflict
from exceptions.forms import SkipForm, first_error
from exceptions.models import Skip
from exceptions.permissions import NotAllowed
from exceptions.views.answers import check_visible, conflicted, deny, person, refused
from exceptions.views.queue import list_href, query, read
from reconciliation.clock import now


@require_safe
def following(request: HttpRequest) -> HttpResponse:
    """Go to the next exception of a view, or back to the view at its end."""
    asked, at, given = read(request.GET, user=person(request)), now(), request.GET.get("from", "")
    case_id = working.next_case(
        user=person(request),
        at=at,
        filters=asked.conditions,
        search=asked.search,
        sort=asked.arranged.order,
        after=int(given) if given.isascii() and given.isdigit() else None,
    )
    if case_id is None:
        messages.info(request, "That was the last of this view.")
        return HttpResponseRedirect(list_href(asked), status=HTTPStatus.SEE_OTHER)
    address = f"/exceptions/{case_id}/?{query(asked, work='1')}"
    return HttpResponseRedirect(address, status=HTTPStatus.SEE_OTHER)


@require_POST
def skip(request: HttpRequest, case_id: int) -> HttpResponse:
    """Pass one over, with a reason, and go on."""
    check_visible(request, case_id)
    at, form = now(), SkipForm(request.POST)
    if not form.is_valid():
        text = f"{first_error(form)} Nothing changed."
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return refused(request, case_id, text=text, at=at, status=status)
    try:
        working.skip(case_id=case_id, reason=form.cleaned_data["reason"], by=person(request), at=at)
    except NotAllowed as refusal:
        raise deny(refusal) from refusal
    except Conflict as refusal:
        return conflicted(request, case_id, refusal, at=at)
    return HttpResponseRedirect(_next_href(request, case_id), status=HTTPStatus.SEE_OTHER)


def bar(request: HttpRequest, case_id: int, *, at: datetime) -> dict[str, Any]:
    """Give what stands above a case that is one of a view being worked through."""
    if "work" not in request.GET:
        return {}
    asked = read(request.GET, user=person(request))
    return {
        "work": working.place(
            case_id=case_id,
            user=person(request),
            at=at,
            filters=asked.conditions,
            search=asked.search,
            sort=asked.arranged.order,
        ),
        "next_href": _next_href(request, case_id),
        "exit_href": list_href(asked),
        "skip_href": f"/exceptions/{case_id}/skip/?{query(asked)}",
        "skip_reasons": Skip.Reason.choices,
    }


def _next_href(request: HttpRequest, case_id: int) -> str:
    given = {"from": str(case_id)}
    return f"/exceptions/next/?{query(read(request.GET, user=person(request)), **given)}"

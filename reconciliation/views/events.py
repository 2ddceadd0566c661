"""What sources have said: a list by source, status and type, and a page for each."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from reconciliation import duplicates, event_list, event_page
from reconciliation.clock import now
from reconciliation.models import Event, RejectedEvent
from reconciliation.nudge import nudge
from reconciliation.views import filters

EVENTS = "/events/"
KINDS = (
    (event_list.EVENTS, "Events"),
    (event_list.REJECTED, "Rejected"),
    (event_list.CONFLICTS, "Other bodies"),
)
_LONGEST_ID = 18  # digits that a bigint surely holds


@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """Show what matches, newest first."""
    kind = request.GET.get("view", event_list.EVENTS)
    if kind not in dict(KINDS):
        raise Http404
    at, search = now(), request.GET.get("q", "").strip()
    registry = event_list.FIELDS[kind]
    conditions, problem = filters.read(registry, request.GET)
    keep = {"view": kind, "q": search}
    texts = [filters.to_text(each) for each in conditions]
    if filters.is_adding(request.GET) and not problem:
        return redirect(filters.href(EVENTS, keep, texts))
    asked: dict[str, Any] = {"kind": kind, "conditions": conditions, "search": search, "at": at}
    page = event_list.event_page(**asked, older_than=_after(request))
    context: dict[str, Any] = {
        "page": page,
        "count": event_list.capped_count(**asked),
        "view": kind,
        "search": search,
        "search_label": "Event, reference, order",
        "is_filtered": bool(conditions),
        "is_asking": bool(conditions or search),
        "older_href": _href(keep, texts, page.older_than),
        "newest_href": _href(keep, texts, 0) if "after" in request.GET else "",
        "all_href": _href({"view": kind}, [], 0),
    }
    if request.headers.get("HX-Target") == "list":
        return render(request, "reconciliation/_events.html", context)
    context["tabs"] = [
        {"name": name, "href": _href({"view": each}, [], 0), "is_current": each == kind}
        for each, name in KINDS
    ]
    context["bar"] = filters.bar(
        registry, conditions, action=EVENTS, keep=keep, offered=list(registry), problem=problem
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return render(request, "reconciliation/events.html", context, status=status)


@require_safe
def event(request: HttpRequest, event_id: int) -> HttpResponse:
    """Show one event: its envelope, its body, and what became of it."""
    return _show(request, event_id)


@require_safe
def rejected(request: HttpRequest, rejected_id: int) -> HttpResponse:
    """Show one message that was no event, with every reason."""
    try:
        detail = event_page.rejection_detail(rejected_id=rejected_id, user=_person(request))
    except RejectedEvent.DoesNotExist as missing:
        raise Http404 from missing
    return render(request, "reconciliation/rejected.html", {"detail": detail})


@require_POST
def set_apart(request: HttpRequest, event_id: int) -> HttpResponse:
    """Say that an event is no duplicate, and go back to where that was said."""
    try:
        found = duplicates.set_apart(event_id=event_id, by=_person(request), at=now())
    except Event.DoesNotExist as missing:
        raise Http404 from missing
    except duplicates.NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except duplicates.CannotSetApart as refusal:
        return _show(request, event_id, problem=str(refusal), status=HTTPStatus.CONFLICT)
    nudge("apply")
    messages.success(request, "It counts as a fact of its own. Its order is judged again at once.")
    back = f"{EVENTS}{event_id}/"
    if request.POST.get("back") == "order" and found.order is not None:
        back = f"/orders/{quote(found.order.canonical_id)}/"
    return HttpResponseRedirect(back, status=HTTPStatus.SEE_OTHER)


def _show(
    request: HttpRequest, event_id: int, *, problem: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    try:
        detail = event_page.event_detail(event_id=event_id, user=_person(request))
    except Event.DoesNotExist as missing:
        raise Http404 from missing
    context = {"detail": detail, "problem": problem}
    return render(request, "reconciliation/event.html", context, status=status)


def _after(request: HttpRequest) -> int:
    given = request.GET.get("after", "0")
    if not (given.isascii() and given.isdigit() and len(given) <= _LONGEST_ID):
        raise BadRequest("That place in the list does not exist.")
    return int(given)


def _href(keep: dict[str, str], texts: Sequence[str], older_than: int) -> str:
    parts = [*keep.items(), *(("f", text) for text in texts), ("after", str(older_than or ""))]
    query = urlencode([part for part in parts if part[1]])
    return f"{EVENTS}?{query}" if query else EVENTS


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user

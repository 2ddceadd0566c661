"""The inbox: what a person was told."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from exceptions import inbox as box
from exceptions.views.answers import person
from reconciliation.clock import now

_LONGEST_NUMBER = 18


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """Show a person's messages, newest first."""
    only_unread = request.GET.get("show") == "unread"
    before = _number(request.GET.get("before", ""))
    page = box.page_of(person(request), before=before, only_unread=only_unread)
    context = {"page": page, "only_unread": only_unread, "before": before}
    return render(request, "exceptions/inbox.html", context)


@require_POST
def mark_read(request: HttpRequest) -> HttpResponse:
    """Mark the chosen messages as read, or all of them."""
    ids = None if "all" in request.POST else [_number(each) for each in request.POST.getlist("id")]
    number = box.mark_read(user=person(request), ids=ids, at=now())
    messages.info(request, f"{number} marked as read." if number else "Nothing was unread.")
    return HttpResponseRedirect("/inbox/", status=HTTPStatus.SEE_OTHER)


def _number(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number else 0

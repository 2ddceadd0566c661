"""The command menu and the list of keys: pages of their own, and dialogs over any other."""

from collections.abc import Mapping

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from config import pages, palette
from exceptions.permissions import roles
from reconciliation.clock import now

_LONGEST, _MOST_DIGITS = 255, 18


@require_safe
def go(request: HttpRequest) -> HttpResponse:
    """Find things by any id, pages, saved views, and what can be done with the open exception."""
    assert isinstance(request.user, User)
    asked = request.GET.get("q", "").strip()[:_LONGEST]
    case_id = _number(request.GET.get("case", ""))
    sections = palette.found(asked=asked, case_id=case_id, user=request.user, at=now())
    context = {"asked": asked, "case_id": case_id, "sections": sections}
    if request.headers.get("HX-Target") == "go-found":
        return render(request, "config/_go_found.html", context)
    return _shown(request, "go", context)


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """List the keys, with the pages that this person may go to by them."""
    assert isinstance(request.user, User)
    reached = [page for page in pages.pages_for(roles(request.user)) if page.key]
    return _shown(request, "keys", {"pages": reached})


def _shown(request: HttpRequest, name: str, context: Mapping[str, object]) -> HttpResponse:
    is_piece = request.headers.get("HX-Target") == "dialog"
    template = f"config/_{name}.html" if is_piece else f"config/{name}.html"
    return render(request, template, {**context, "is_piece": is_piece})


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else None

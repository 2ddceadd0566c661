"""Who owns this now: one screen for any name of any order."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exceptions.views.answers import person
from exceptions.who import who_owns
from reconciliation.clock import now

_LONGEST = 255


@require_safe
def who(request: HttpRequest) -> HttpResponse:
    """Answer for the order that is asked for, or ask which."""
    asked = request.GET.get("q", "").strip()[:_LONGEST].replace("\0", "")
    found = who_owns(asked=asked, user=person(request), at=now()) if asked else []
    return render(request, "exceptions/who.html", {"asked": asked, "answers": found})

"""The front page: each role starts where its work is."""

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

# The first role that a person holds, in this order, decides.
_HOMES = {
    "Team lead": "/exceptions/?view=team",
    "Operator": "/exceptions/?view=mine",
    "Executive": "/metrics/",
    "Auditor": "/audit/",
    "Platform owner": "/health/",
}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Send the person to the page of their role."""
    assert isinstance(request.user, User)
    return redirect(_home_of(request.user))


def _home_of(user: User) -> str:
    roles = set(user.groups.values_list("name", flat=True))
    return next((href for role, href in _HOMES.items() if role in roles), "/exceptions/")

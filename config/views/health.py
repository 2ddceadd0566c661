"""The health page, and the two probes that machines ask."""

from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from config.health import read
from config.readiness import is_ready
from reconciliation.clock import now
from reconciliation.source_settings import refusal_to_manage

_PLAIN = "text/plain; charset=utf-8"


@login_not_required
@require_safe
def live(_request: HttpRequest) -> HttpResponse:
    """Answer as long as this process does; touches nothing else."""
    return HttpResponse("live\n", content_type=_PLAIN)


@login_not_required
@require_safe
def ready(_request: HttpRequest) -> HttpResponse:
    """Answer 200 while the database does; Redis may be away, work is only slower then."""
    if is_ready():
        return HttpResponse("ready\n", content_type=_PLAIN)
    return HttpResponse(
        "The database does not answer.\n",
        content_type=_PLAIN,
        status=HTTPStatus.SERVICE_UNAVAILABLE,
    )


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Show sources, processes, silent-failure checks and what is deployed."""
    true_at = timezone.now()
    assert isinstance(request.user, User)
    context = {
        "health": read(at=now(), true_at=true_at),
        "checked_at": true_at,
        "refusal": refusal_to_manage(request.user),
    }
    if request.headers.get("HX-Target") == "health":
        return render(request, "config/_health.html", context)
    return render(request, "config/health.html", context)

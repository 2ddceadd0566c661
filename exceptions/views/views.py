"""Saved views of the queue: a person keeps their own."""

from http import HTTPStatus

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import slugify
from django.views.decorators.http import require_POST

from exceptions.fields import FIELDS
from exceptions.models import SavedView
from exceptions.views.answers import person
from reconciliation.views import filters

_NAME_LENGTH = 64
_MINE = 100  # after the views that everyone has


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep the filters that are on under a name, for oneself."""
    user, name = person(request), request.POST.get("name", "").strip()[:_NAME_LENGTH]
    conditions, problem = filters.read(FIELDS, request.POST)
    if not name or not conditions or problem:
        raise BadRequest(problem or "A view needs a name and a filter.")
    slug = f"{slugify(name)[:32] or 'view'}-u{user.pk}"
    SavedView.objects.update_or_create(
        slug=slug,
        user=user,
        defaults={"name": name, "filters": conditions, "position": _MINE},
    )
    messages.info(request, f"View {name} saved.")
    return _to(f"/exceptions/?view={slug}")


@require_POST
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Drop one of one's own views; nobody else's can be reached."""
    view = SavedView.objects.filter(slug=slug, user=person(request)).first()
    if view is None:
        raise Http404
    view.delete()
    messages.info(request, f"View {view.name} deleted. No exception changed.")
    return _to("/exceptions/")


def _to(href: str) -> HttpResponse:
    return HttpResponseRedirect(href, status=HTTPStatus.SEE_OTHER)

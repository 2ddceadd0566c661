"""Saved views of the queue: kept for oneself or shared, changed, deleted."""

from http import HTTPStatus

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from exceptions import saved_views
from exceptions.arrangement import DEFAULT
from exceptions.fields import FIELDS
from exceptions.models import SavedView
from exceptions.permissions import NotAllowed
from exceptions.views import arranging
from exceptions.views.answers import person
from reconciliation.clock import now
from reconciliation.views import filters

_QUEUE = "/exceptions/"


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep filters and arrangement under a name, for oneself, a team or everyone."""
    conditions, problem = filters.read(FIELDS, request.POST)
    arranged = arranging.read(request.POST, base=DEFAULT)
    if problem or (not conditions and arranged == DEFAULT):
        raise BadRequest(problem or "A view needs a filter, or an arrangement of its own.")
    try:
        view = saved_views.keep(
            name=request.POST.get("name", ""),
            filters=conditions,
            arranged=arranged,
            scope=request.POST.get("scope", saved_views.ME),
            by=person(request),
            at=now(),
        )
    except NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except saved_views.CannotKeep as refusal:
        messages.error(request, str(refusal))
        texts = [("f", text) for text in request.POST.getlist("f")]
        texts += arranging.said(arranged, base=DEFAULT).items()
        return _to(f"{_QUEUE}?{urlencode(texts)}")
    messages.info(request, f"View {view.name} saved.")
    return _to(f"{_QUEUE}?view={view.slug}")


@require_POST
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Give a view another name, or the filters that are on."""
    conditions, problem = filters.read(FIELDS, request.POST)
    if problem:
        raise BadRequest(problem)
    try:
        view = saved_views.change(
            slug=slug,
            name=request.POST.get("name"),
            filters=conditions if "f" in request.POST else None,
            arranged=arranging.read(request.POST, base=DEFAULT) if "f" in request.POST else None,
            by=person(request),
            at=now(),
        )
    except SavedView.DoesNotExist as missing:
        raise Http404 from missing
    except NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except saved_views.CannotKeep as refusal:
        messages.error(request, str(refusal))
    else:
        messages.info(request, f"View {view.name} saved.")
    return _to(f"{_QUEUE}?view={slug}")


@require_POST
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Drop a view: one's own, or a shared one of those one may change."""
    try:
        view = saved_views.drop(slug=slug, by=person(request), at=now())
    except SavedView.DoesNotExist as missing:
        raise Http404 from missing
    except NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    messages.info(request, f"View {view.name} deleted. No exception changed.")
    return _to(_QUEUE)


def _to(href: str) -> HttpResponse:
    return HttpResponseRedirect(href, status=HTTPStatus.SEE_OTHER)

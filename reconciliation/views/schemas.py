"""The schemas of events, for anyone who sends or reads them: pages to read, JSON to fetch."""

import json

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie

from reconciliation import reference
from reconciliation.sources import canonical

_KEPT_SECONDS = 3600
_kept = cache_control(public=True, max_age=_KEPT_SECONDS)
_kept_by_reader = cache_control(private=True, max_age=_KEPT_SECONDS)  # a page has a reader's theme


@login_not_required
@require_safe
@_kept_by_reader
@vary_on_cookie
def index(request: HttpRequest) -> HttpResponse:
    """Show every type there is, and the envelope around them."""
    context = {"types": reference.types(), "envelope": reference.envelope()}
    return render(request, "reconciliation/schemas.html", context)


@login_not_required
@require_safe
@_kept_by_reader
@vary_on_cookie
def of_type(request: HttpRequest, name: str) -> HttpResponse:
    """Show one type: its fields in words, and an example of each version."""
    found = reference.type_named(name)
    if found is None:
        raise Http404(f"There is no type {name}.")
    return render(request, "reconciliation/schema.html", {"type": found})


@login_not_required
@require_safe
@_kept
def listed(request: HttpRequest) -> HttpResponse:
    """List every schema with its address, for programs."""
    return JsonResponse(
        {
            "schemas": [
                {
                    "name": name,
                    "title": schema["title"],
                    "description": schema["description"],
                    "url": request.build_absolute_uri(reverse("schema", args=[name])),
                }
                for name, schema in canonical.schemas().items()
            ]
        }
    )


@login_not_required
@require_safe
@_kept
def schema(_request: HttpRequest, name: str) -> HttpResponse:
    """Give one schema, as an event's `dataschema` names it."""
    if name in canonical.types():
        return redirect("schema-type", name)
    found = canonical.schemas().get(name)
    if found is None:
        raise Http404(f"There is no schema {name}.")
    text = json.dumps(found, indent=2, ensure_ascii=False)
    return HttpResponse(text, content_type="application/schema+json")

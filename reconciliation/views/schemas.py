"""The schemas of events, for anyone who sends or reads them."""

import json

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from reconciliation.sources import canonical

_KEPT_SECONDS = 3600


@login_not_required
@require_safe
@cache_control(public=True, max_age=_KEPT_SECONDS)
def index(request: HttpRequest) -> HttpResponse:
    """List every schema with its address."""
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
@cache_control(public=True, max_age=_KEPT_SECONDS)
def schema(request: HttpRequest, name: str) -> HttpResponse:
    """Give one schema."""
    found = canonical.schemas().get(name)
    if found is None:
        raise Http404(f"There is no schema {name}.")
    text = json.dumps(found, indent=2, ensure_ascii=False)
    return HttpResponse(text, content_type="application/schema+json")

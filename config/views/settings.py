"""How the pages look and behave for one person."""

import zoneinfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from config import preferences


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """Show the choices, or keep the ones that were made."""
    time_zones = sorted(zoneinfo.available_timezones())
    if request.method == "POST":
        if request.POST.get("time_zone") in time_zones:
            return _keep(request)
        error = "Choose a time zone from the list, such as Europe/Berlin. Nothing changed."
    else:
        error = ""
    context = {
        "themes": preferences.THEMES,
        "densities": preferences.DENSITIES,
        "time_zones": time_zones,
        "typed_zone": request.POST.get("time_zone", ""),
        "error": error,
    }
    return render(request, "config/settings.html", context, status=422 if error else 200)


def _keep(request: HttpRequest) -> HttpResponse:
    chosen = preferences.clean({**request.POST.dict(), "keys": "keys" in request.POST})
    response = redirect("/settings/")
    preferences.write(response, chosen)
    messages.info(request, "Settings saved.")
    return response

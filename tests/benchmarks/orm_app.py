"""The peer of the front door: one event a request, saved as one writes it first. Nothing else."""

import hashlib
import json
import os

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()
settings.ROOT_URLCONF = __name__
settings.MIDDLEWARE = []

from reconciliation.models import Event  # noqa: E402 - needs the settings


def save(request: HttpRequest, source_id: int) -> HttpResponse:
    """Save one event."""
    said = json.loads(request.body)
    Event(
        source_id=source_id,
        sender=said["source"],
        event_id=said["id"],
        type=said["type"],
        occurred_at=said["time"],
        received_at=said["time"],
        data=said["data"],
        raw=request.body,
        sha256=hashlib.sha256(request.body).digest(),
        order_reference=said["data"]["order"],
    ).save()
    return HttpResponse(status=202, headers={"content-length": "0"})


urlpatterns = [path("<int:source_id>/", save)]
application = WSGIHandler()

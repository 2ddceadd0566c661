"""What holds for every page: its time zone, who may see it at all, and how it may be kept."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from config import preferences
from exceptions.permissions import roles

Answer = Callable[[HttpRequest], HttpResponse]
# A person without a role may still change how pages look, and leave.
_FOR_ALL = (
    "/settings/", "/sign-in/", "/sign-out/", "/ingest/", "/schemas/", settings.STATIC_URL,
    "/health/live/", "/health/ready/",
)  # fmt: skip
# The same for everyone, whoever asks.
_CACHEABLE = (settings.STATIC_URL, "/schemas/")


class NoRole(PermissionDenied):
    """The account has no role yet."""


def time_zone(get_response: Answer) -> Answer:
    """Show times in the zone that the person chose."""

    def answer(request: HttpRequest) -> HttpResponse:
        with timezone.override(ZoneInfo(preferences.read(request).time_zone)):
            return get_response(request)

    return answer


class NeedsSignIn(LoginRequiredMiddleware):
    """Sends whoever is not signed in to the sign-in page, from every page that needs it.

    Django's own asks who it is first; the probe that must not touch the database may not.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., Any],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        """Let the view that is open to all be."""
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


class NeedsRole:
    """Refuses signed-in people who have no role yet; an account alone opens nothing."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> None:
        """Refuse, unless the page is for all or the person has a role."""
        if request.path.startswith(_FOR_ALL):  # before the person, who is asked of the database
            return
        user = request.user
        if not user.is_authenticated or user.is_superuser:
            return
        if not roles(user):
            raise NoRole("Your account has no role yet, so there is nothing to show.")


def work_pages(get_response: Answer) -> Answer:
    """Keep work pages out of caches, and send signed-out fragments to the sign-in page."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path.startswith(_CACHEABLE) and response.status_code < HTTPStatus.BAD_REQUEST:
            return response
        patch_vary_headers(response, ["HX-Request", "HX-Target"])
        add_never_cache_headers(response)
        if _is_signed_out_fragment(request, response):
            return _to_sign_in(request)
        return response

    return answer


def _is_signed_out_fragment(request: HttpRequest, response: HttpResponse) -> bool:
    return (
        request.headers.get("HX-Request") == "true"
        and isinstance(response, HttpResponseRedirect)
        and response.url.startswith(settings.LOGIN_URL)
    )


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send the whole page away, and back to where it was afterwards."""
    page = urlsplit(request.headers.get("HX-Current-URL", "/"))
    back = page.path + (f"?{page.query}" if page.query else "")
    return HttpResponseClientRedirect(f"{settings.LOGIN_URL}?{urlencode({'next': back})}")

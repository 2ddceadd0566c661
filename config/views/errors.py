"""What people see when a page cannot be shown: what happened, what did not, what next."""

from http import HTTPStatus

from django.contrib.auth.models import User
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django_htmx.http import trigger_client_event

_SAMPLE = 3  # names enough to know whom to ask


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that cannot be read, or that is larger than anything may be."""
    if isinstance(exception, RequestDataTooBig):
        return _page(
            request,
            HTTPStatus.BAD_REQUEST,
            icon="file-x",
            title="That is too large",
            text=_sentence(exception, "Nothing changed. Send less at once."),
        )
    return _page(
        request,
        HTTPStatus.BAD_REQUEST,
        icon="file-x",
        title="That request could not be read",
        text="Nothing changed. Go back and try again.",
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a person who lacks the role: which one it needs, and who can grant it."""
    roles = _roles(request)
    role = getattr(exception, "role", "")
    return _page(
        request,
        HTTPStatus.FORBIDDEN,
        icon="lock",
        title=f"This needs the {role} role" if role else "This is not open to you",
        text=_sentence(exception, "Your role does not include this page."),
        note=f"You are {roles}. {_who_grants()}",
    )


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that is too old, or that another site sent."""
    return _page(
        request,
        HTTPStatus.FORBIDDEN,
        icon="shield-x",
        title="This form is too old to be sent",
        text="Nothing changed. Open the page again, then repeat what you did.",
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for a page that is not there, or not for this person's team."""
    return _page(
        request,
        HTTPStatus.NOT_FOUND,
        icon="search-x",
        title="Nothing is here",
        text="The address is wrong, or what it names belongs to another team.",
    )


def failed(request: HttpRequest) -> HttpResponse:
    """Answer when the product itself failed; the page asks the database nothing."""
    text = get_template("500.html").render()
    return _toast(HttpResponse(text, status=HTTPStatus.INTERNAL_SERVER_ERROR), request, None)


def _page(
    request: HttpRequest, status: HTTPStatus, *, icon: str, title: str, text: str, note: str = ""
) -> HttpResponse:
    context = {"icon": icon, "heading": title, "text": text, "note": note, "status": status.value}
    is_known = hasattr(request, "user") and request.user.is_authenticated
    template = "problem.html" if is_known else "problem_alone.html"
    response = render(request, template, context, status=status)
    return _toast(response, request, f"{title}. {text}")


def _toast(response: HttpResponse, request: HttpRequest, text: str | None) -> HttpResponse:
    """Tell a fragment's page in a toast: its swap is refused."""
    if text and request.headers.get("HX-Request") == "true":
        trigger_client_event(response, "problem", {"text": text})
    return response


def _sentence(exception: Exception, otherwise: str) -> str:
    said = str(exception)
    return said if said and said != exception.__class__.__name__ else otherwise


def _roles(request: HttpRequest) -> str:
    if not isinstance(getattr(request, "user", None), User):
        return "not signed in"
    names = list(request.user.groups.order_by("name").values_list("name", flat=True))
    return " and ".join(names) if names else "signed in without a role"


def _who_grants() -> str:
    admins = User.objects.filter(groups__name="Admin", is_active=True).order_by("username")
    names = [admin.get_full_name() or admin.username for admin in admins[:_SAMPLE]]
    return f"Roles are granted by {' or '.join(names)}." if names else "An Admin grants roles."

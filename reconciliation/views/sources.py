"""The pages of sources: how each flows, and what people change about it."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from reconciliation import source_page, source_settings
from reconciliation.clock import now
from reconciliation.connect import TRUTH_BY_KIND
from reconciliation.models import Source, SourceSecret, Team
from reconciliation.source_settings import (
    CannotChange,
    ChangedMeanwhile,
    NotAllowed,
    Wanted,
    refusal_to_manage,
    settings_of,
)
from reconciliation.sources import FORMATS, STANDARD

SOURCES = "/sources/"
_OVERLAPS = (("1h", "in an hour"), ("1d", "in a day"), ("7d", "in a week"))
_FIELDS = tuple(Wanted.__dataclass_fields__)
_ASKED = ("slug", "name", "kind", "format", "team", "writeback_url", "secret")


@require_safe
def sources(request: HttpRequest) -> HttpResponse:
    """List the sources and how they flow."""
    context = {
        "rows": source_page.source_rows(at=now()),
        "refusal": refusal_to_manage(_person(request)),
    }
    return render(request, "reconciliation/sources.html", context)


@require_safe
def source(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one source."""
    return _show(request, slug)


@require_http_methods(["GET", "HEAD", "POST"])
def connect(request: HttpRequest) -> HttpResponse:
    """Ask what to connect, and connect it; the secret is in this one answer only."""
    if refusal := refusal_to_manage(_person(request)):
        raise PermissionDenied(refusal)
    if request.method != "POST":
        return _ask(request, {"format": STANDARD}, "")
    given = {name: request.POST.get(name, "") for name in _ASKED}
    try:
        slug, secret = source_settings.connect_source(
            given=given, format_name=given["format"], by=_person(request), at=now()
        )
    except CannotChange as refused:
        return _ask(request, given, str(refused))
    return _show(request, slug, secret=secret, is_new=True)


@require_POST
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Save the settings."""
    given = {name: request.POST.get(name, "") for name in _FIELDS}
    version = request.POST.get("version", "")
    try:
        changed = source_settings.change(
            slug=slug,
            version=int(version) if version.isascii() and version.isdigit() else -1,
            wanted=Wanted(**given),
            by=_person(request),
            at=now(),
        )
    except ChangedMeanwhile as refused:
        return _show(request, slug, problem=str(refused), status=HTTPStatus.CONFLICT)
    except CannotChange as refused:
        return _refused(request, slug, refused, given=given)
    except (NotAllowed, Source.DoesNotExist) as refused:
        return _kept_out(refused)
    return _done(request, slug, f"Saved the settings of {changed.name}.")


@require_POST
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    """Stop listening to it."""
    try:
        paused = source_settings.pause(slug=slug, by=_person(request), at=now())
    except CannotChange as refused:
        return _refused(request, slug, refused)
    except (NotAllowed, Source.DoesNotExist) as refused:
        return _kept_out(refused)
    return _done(request, slug, f"{paused.name} is paused. What it sends is answered 503.")


@require_POST
def resume(request: HttpRequest, slug: str) -> HttpResponse:
    """Listen to it again."""
    try:
        resumed = source_settings.resume(slug=slug, by=_person(request), at=now())
    except CannotChange as refused:
        return _refused(request, slug, refused)
    except (NotAllowed, Source.DoesNotExist) as refused:
        return _kept_out(refused)
    return _done(request, slug, f"{resumed.name} is heard again.")


@require_POST
def call_again(request: HttpRequest, slug: str) -> HttpResponse:
    """Call a target at once that is left alone for a while."""
    try:
        called = source_settings.call_again(slug=slug, by=_person(request), at=now())
    except CannotChange as refused:
        return _refused(request, slug, refused)
    except (NotAllowed, Source.DoesNotExist) as refused:
        return _kept_out(refused)
    return _done(request, slug, f"{called.name} is called again with the next write-back.")


@require_POST
def rotate(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a secret; it is in this one answer only."""
    try:
        secret = source_settings.rotate_secret(
            slug=slug,
            overlap=request.POST.get("overlap", ""),
            given=request.POST.get("secret", ""),
            by=_person(request),
            at=now(),
        )
    except CannotChange as refused:
        return _refused(request, slug, refused)
    except (NotAllowed, Source.DoesNotExist) as refused:
        return _kept_out(refused)
    if secret:
        return _show(request, slug, secret=secret)
    return _done(request, slug, "The new secret is kept. Both sign until the old one retires.")


@require_POST
def retire(request: HttpRequest, slug: str, secret_id: int) -> HttpResponse:
    """Let a secret sign no more."""
    try:
        source_settings.retire_secret(slug=slug, secret_id=secret_id, by=_person(request), at=now())
    except CannotChange as refused:
        return _refused(request, slug, refused)
    except (NotAllowed, Source.DoesNotExist, SourceSecret.DoesNotExist) as refused:
        return _kept_out(refused)
    return _done(request, slug, f"Secret {secret_id} signs no more.")


def _ask(request: HttpRequest, given: dict[str, str], problem: str) -> HttpResponse:
    context = {"given": given, "problem": problem, "formats": FORMATS.values(), **_choices()}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return render(request, "reconciliation/connect.html", context, status=status)


def _show(
    request: HttpRequest, slug: str, *, status: int = HTTPStatus.OK, **more: object
) -> HttpResponse:
    try:
        detail = source_page.source_detail(slug=slug, user=_person(request), at=now())
    except Source.DoesNotExist as missing:
        raise Http404 from missing
    context: dict[str, Any] = {
        "detail": detail,
        "form": settings_of(detail.row.source),
        "errors": {},
        "overlaps": _OVERLAPS,
        **_choices(),
        **more,
    }
    return render(request, "reconciliation/source.html", context, status=status)


def _refused(
    request: HttpRequest, slug: str, refused: CannotChange, *, given: dict[str, str] | None = None
) -> HttpResponse:
    """Show what was asked for and why it was not done."""
    whole = refused.problems.get("") or "Nothing was saved. See below what is wrong."
    more: dict[str, object] = {"problem": whole, "errors": refused.problems}
    if given is not None:
        more["form"] = given
    return _show(request, slug, status=HTTPStatus.UNPROCESSABLE_ENTITY, **more)


def _kept_out(refused: Exception) -> HttpResponse:
    if isinstance(refused, NotAllowed):
        raise PermissionDenied(str(refused)) from refused
    raise Http404 from refused


def _done(request: HttpRequest, slug: str, said: str) -> HttpResponse:
    messages.info(request, said)
    return HttpResponseRedirect(f"{SOURCES}{slug}/", status=HTTPStatus.SEE_OTHER)


def _choices() -> dict[str, object]:
    return {
        "kinds": sorted(TRUTH_BY_KIND),
        "teams": list(Team.objects.order_by("name").values_list("slug", "name")),
    }


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user

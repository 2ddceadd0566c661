"""Rebuild one order from zero, and replay many: look first, put right only when asked."""

from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.utils.timezone import get_current_timezone, is_naive
from django.views.decorators.http import require_http_methods

from reconciliation import put_right, rebuild_page, replay_job
from reconciliation.clock import now
from reconciliation.models import Event, Order, Source
from reconciliation.replay_job import Filter

_TEXTS = ("order", "source", "type", "status")
_MOMENTS = ("since", "until")


@require_http_methods(["GET", "HEAD", "POST"])
def order(request: HttpRequest, canonical_id: str) -> HttpResponse:
    """Show an order rebuilt from zero, step by step; put live right when that is sent."""
    found = Order.objects.filter(canonical_id=canonical_id).first()
    if found is None:
        raise Http404
    if request.method != "POST":
        return _rebuilt(request, canonical_id)
    reason = request.POST.get("reason", "")
    try:
        put_right.put_right(order_id=found.pk, reason=reason, by=_person(request), at=now())
    except put_right.NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except put_right.CannotPutRight as refusal:
        return _rebuilt(
            request, canonical_id, problem=str(refusal), status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    messages.success(request, f"{canonical_id} is what its events come to. It is judged next.")
    return HttpResponseRedirect(f"{request.path}", status=HTTPStatus.SEE_OTHER)


@require_http_methods(["GET", "HEAD", "POST"])
def replay(request: HttpRequest) -> HttpResponse:
    """Choose orders by their events, see how much that is, and start the job."""
    given = request.POST if request.method == "POST" else request.GET
    texts = {name: given.get(name, "").strip() for name in (*_TEXTS, *_MOMENTS)}
    chosen, problem = _filter(texts)
    if request.method == "POST" and not problem:
        try:
            job = replay_job.start(
                chosen=chosen,
                by=_person(request),
                at=now(),
                is_applied=given.get("apply") == "on",
                reason=given.get("reason", ""),
            )
        except put_right.NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        except put_right.CannotPutRight as refusal:
            problem = str(refusal)
        else:
            return HttpResponseRedirect(f"/jobs/{job.pk}/", status=HTTPStatus.SEE_OTHER)
    context = {
        "texts": texts,
        "problem": problem,
        "reason": given.get("reason", ""),
        "estimate": None if problem else replay_job.estimate(chosen),
        "words": chosen.words(),
        "is_asked": any(texts.values()),
        "refusal": put_right.refusal(_person(request)),
        "sources": Source.objects.order_by("name").values_list("slug", "name"),
        "statuses": Event.Status.choices,
        "query": urlencode({name: text for name, text in texts.items() if text}),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return render(request, "reconciliation/replay.html", context, status=status)


def _rebuilt(
    request: HttpRequest, canonical_id: str, *, problem: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    context = {
        "rebuild": rebuild_page.rebuild(canonical_id=canonical_id, at=now()),
        "refusal": put_right.refusal(_person(request)),
        "problem": problem,
        "reason": request.POST.get("reason", ""),
    }
    return render(request, "reconciliation/rebuild.html", context, status=status)


def _filter(texts: dict[str, str]) -> tuple[Filter, str]:
    """Read what was asked for; gives also what is wrong with it."""
    moments = {}
    for name in _MOMENTS:
        if not texts[name]:
            continue
        try:
            at = parse_datetime(texts[name])
        except ValueError:
            at = None
        if at is None:
            return Filter(), f"“{texts[name]}” is no moment. Write it as 2026-11-02T12:00."
        moments[name] = at.replace(tzinfo=get_current_timezone()) if is_naive(at) else at
    wanted = {name: texts[name] for name in _TEXTS}
    return Filter(**wanted, **{name: at.isoformat() for name, at in moments.items()}), ""


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user

"""Work on many exceptions: choose, see what will happen, confirm, follow, take back."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exceptions import bulk, bulk_page
from exceptions.bulk_set import CannotBulk, SetChanged
from exceptions.bulk_verbs import ASSIGN, DISMISS, HANDOFF, REPAIR, SNOOZE
from exceptions.forms import SNOOZES, ReasonForm, SnoozeForm, first_error
from exceptions.models import Bulk
from exceptions.permissions import NotAllowed
from exceptions.views.answers import deny, person
from exceptions.views.queue import Asked, read
from reconciliation.clock import now
from reconciliation.export import as_csv
from reconciliation.views import filters

_MOST_DIGITS = 18


@require_http_methods(["GET", "HEAD", "POST"])
def bulks(request: HttpRequest) -> HttpResponse:
    """List what was asked for on many at once; POST freezes a set and goes to its page."""
    if request.method == "POST":
        return _choose(request)
    rows = bulk_page.recent(user=person(request))
    return render(request, "exceptions/bulks.html", {"bulks": rows})


@require_safe
def one(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """Show one: what will happen, or how far it is; while it runs it asks for itself."""
    return _show(request, bulk_id)


@require_POST
def run(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """Confirm what was shown."""
    by, at = person(request), now()
    detail = _detail(request, bulk_id)
    arguments, problem = _arguments(request, detail.row.verb, at=at)
    if problem:
        return _show(
            request, bulk_id, problem=f"{problem} Nothing changed.",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
        )  # fmt: skip
    try:
        bulk.confirm(
            bulk_id=bulk_id,
            digest=request.POST.get("digest", ""),
            arguments=arguments,
            by=by,
            at=at,
            is_set_kept=request.POST.get("which") == "seen",
        )
    except SetChanged as change:
        sent = {name: value for name, value in request.POST.items() if name in _KEPT}
        return _show(
            request, bulk_id, change=change, sent=sent, status=HTTPStatus.CONFLICT
        )  # fmt: skip
    except NotAllowed as refusal:
        raise deny(refusal) from refusal
    except CannotBulk as refusal:
        return _show(request, bulk_id, problem=str(refusal), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return _to(bulk_id)


@require_POST
def approve(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """Agree to a large one."""
    return _decide(
        request, bulk_id, lambda: bulk.approve(bulk_id=bulk_id, by=person(request), at=now())
    )


@require_POST
def refuse(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """Say no to a large one, with a reason."""
    form = ReasonForm(request.POST)
    _detail(request, bulk_id)
    if not form.is_valid():
        return _show(
            request, bulk_id, problem=f"{first_error(form)} Nothing changed.",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
        )  # fmt: skip
    reason = form.cleaned_data["reason"]
    return _decide(
        request,
        bulk_id,
        lambda: bulk.refuse(bulk_id=bulk_id, reason=reason, by=person(request), at=now()),
    )


@require_POST
def again(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """Try again what failed, and go on with what was stopped."""
    return _decide(
        request, bulk_id, lambda: bulk.again(bulk_id=bulk_id, by=person(request), at=now())
    )


@require_POST
def undo(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """Take all of it back."""
    return _decide(
        request, bulk_id, lambda: bulk.undo(bulk_id=bulk_id, by=person(request), at=now())
    )


@require_safe
def report(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """Give what came of every case as CSV."""
    detail = _detail(request, bulk_id)
    rows = (
        {
            "exception": item.case_id,
            "order": item.order_id,
            "what": item.title,
            "at_risk_minor": item.amount.amount_minor,
            "currency": item.amount.currency,
            "outcome": item.word,
            "why": item.why,
            "at": item.at,
        }
        for item in bulk_page.report(bulk_id=bulk_id, user=person(request))
    )
    answer = HttpResponse("".join(as_csv(rows)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="bulk-{detail.row.id}.csv"'
    return answer


_KEPT = ("to", "team", "for", "until", "reason")


def _choose(request: HttpRequest) -> HttpResponse:
    given, by, at = request.POST, person(request), now()
    is_all = given.get("all") == "1"
    asked = read(given, user=by)
    view = {"filters": asked.conditions, "search": asked.search} if is_all else None
    ids = [int(each) for each in given.getlist("case") if _is_id(each)]
    try:
        made = bulk.draft(
            verb=given.get("verb", ""),
            by=by,
            at=at,
            case_ids=ids,
            view=view,
            words=_words(asked) if is_all else "",
        )
    except NotAllowed as refusal:
        raise deny(refusal) from refusal
    except CannotBulk as refusal:
        messages.info(request, str(refusal))
        return HttpResponseRedirect(_back(asked), status=HTTPStatus.SEE_OTHER)
    return _to(made.pk)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def _words(asked: Asked) -> str:
    return f"everything in {asked.view_name}"[:255]


def _back(asked: Asked) -> str:
    return filters.href("/exceptions/", asked.keep, [filters.to_text(c) for c in asked.conditions])


def _arguments(request: HttpRequest, verb: str, *, at: datetime) -> tuple[dict[str, Any], str]:
    """Read what the verb needs to know; gives what is wrong in words, or nothing."""
    sent = request.POST
    reason = sent.get("reason", "").strip()[:500]
    if verb == ASSIGN:
        return {"to": sent.get("to", "")}, "" if sent.get("to") else "Choose a person."
    if verb == SNOOZE:
        form = SnoozeForm(sent, at=at)
        if not form.is_valid():
            return {}, first_error(form)
        return {"until": form.cleaned_data["until"].isoformat(), "reason": reason}, ""
    if verb == HANDOFF:
        team = sent.get("team", "")
        wrong = "" if team and reason else "Choose a team, and say why it should go there."
        return {"team": team, "reason": reason}, wrong
    if verb == DISMISS:
        return {"reason": reason}, "" if reason else "Say why they are fine as they are."
    return {"reason": reason}, ""


def _decide(request: HttpRequest, bulk_id: int, do: Callable[[], Bulk]) -> HttpResponse:
    _detail(request, bulk_id)
    try:
        made = do()
    except NotAllowed as refusal:
        raise deny(refusal) from refusal
    except CannotBulk as refusal:
        return _show(request, bulk_id, problem=str(refusal), status=HTTPStatus.CONFLICT)
    return _to(made.pk)


def _show(
    request: HttpRequest,
    bulk_id: int,
    *,
    problem: str = "",
    change: SetChanged | None = None,
    sent: dict[str, Any] | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    detail = _detail(request, bulk_id)
    context = {
        "detail": detail,
        "bulk": detail.row,
        "problem": problem,
        "change": change,
        "sent": sent or {},
        "snoozes": SNOOZES,
        "is_repair": detail.row.verb == REPAIR,
    }
    is_piece = request.headers.get("HX-Target") == "bulk"
    template = "exceptions/_bulk.html" if is_piece else "exceptions/bulk.html"
    return render(request, template, context, status=status)


def _detail(request: HttpRequest, bulk_id: int) -> bulk_page.BulkDetail:
    try:
        return bulk_page.detail(bulk_id=bulk_id, user=person(request), at=now())
    except bulk_page.NoSuchBulk as missing:
        raise Http404 from missing


def _to(bulk_id: int) -> HttpResponse:
    return HttpResponseRedirect(f"/exceptions/bulk/{bulk_id}/", status=HTTPStatus.SEE_OTHER)

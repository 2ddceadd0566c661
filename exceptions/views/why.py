"""Why each check of an order holds or does not, now or as of a past moment; only read."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.utils.timezone import get_current_timezone, is_naive, localtime
from django.views.decorators.http import require_safe

from exceptions import why
from reconciliation import verdicts
from reconciliation.clock import now
from reconciliation.models import Order


class _NotAMoment(Exception):
    """What was asked for is no moment that lies behind us; the message may be shown."""


@require_safe
def order(request: HttpRequest, canonical_id: str) -> HttpResponse:
    """Show every check of an order with both sides and what is behind them."""
    found = Order.objects.select_related("merged_into").filter(canonical_id=canonical_id).first()
    if found is None:
        raise Http404
    at, given = now(), request.GET.get("as_of", "").strip()
    context: dict[str, Any] = {"order": found, "as_of": given}
    try:
        moment = _moment(given, at=at)
        context["moment"] = moment
        context["as_of"] = f"{localtime(moment):%Y-%m-%dT%H:%M:%S}" if moment else ""
        standing = (
            verdicts.as_of(order=found, moment=moment)
            if moment
            else verdicts.now(order=found, at=at)
        )
    except verdicts.NothingKnown as problem:
        context["nothing"] = str(problem)
    except _NotAMoment as problem:
        context["problem"] = str(problem)
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return render(request, "exceptions/why.html", context, status=status)
    else:
        context["why"] = why.tell(standing)
    return render(request, "exceptions/why.html", context)


def _moment(given: str, *, at: datetime) -> datetime | None:
    """Read the moment asked for, in the reader's time zone unless it says another; None: now."""
    if not given:
        return None
    try:
        moment = parse_datetime(given)
    except ValueError:
        moment = None
    if moment is None:
        raise _NotAMoment("This is no moment such as 2026-03-02 09:00.")
    if is_naive(moment):
        moment = moment.replace(tzinfo=get_current_timezone())
    if moment > at:
        raise _NotAMoment("This moment has not come yet, so nothing can be said of it.")
    return moment

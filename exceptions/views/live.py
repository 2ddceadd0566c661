"""What keeps a page up to date while somebody looks at it."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from exceptions import crossings, live, presence
from exceptions.views.answers import check_visible, person
from exceptions.views.queue import list_href, live_href, read
from reconciliation.clock import now

_DIGITS = 18  # of what fits a bigint


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """Give the cells that changed since the list was shown, or 204."""
    at, asked, given = now(), read(request.GET, user=person(request)), request.GET
    since = _moment(given.get("since", ""))
    loaded_at = _moment(given["loaded"]) if "loaded" in given else since
    found = live.news(
        user=person(request),
        shown=_ids(given.get("shown", "")),
        loaded_at=loaded_at,
        since=since,
        at=at,
        filters=asked.conditions,
        search=asked.search,
        sort=asked.arranged.order,
        is_first_page=not asked.after,
    )
    if found.is_empty:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    context = {
        "news": found,
        "live_href": live_href(asked, loaded_at=loaded_at, since=at),
        "newer_href": list_href(asked),
    }
    return render(request, "exceptions/_live_answer.html", context)


@require_POST
def looking(request: HttpRequest, case_id: int) -> HttpResponse:
    """Note that somebody has a case before them; names who else does.

    A page of its own also asks, from beat to beat, whether its clock has come to a mark.
    """
    check_visible(request, case_id)
    by, at, since = person(request), now(), request.POST.get("since")
    context: dict[str, Any] = {"watchers": presence.look(case_id=case_id, user=by, at=at)}
    if since is not None:
        began = _moment(since) if since else at
        spoken = crossings.said(user=by, since=began, until=at, at=at, case_id=case_id)
        context |= {"since": at.isoformat(), "spoken": spoken}
    return render(request, "exceptions/_watchers.html", context)


def _ids(text: str) -> list[int]:
    """Read the rows on the screen, in their order. Raises BadRequest."""
    parts = text.split(",") if text else []
    are_ids = all(part.isascii() and part.isdigit() and len(part) <= _DIGITS for part in parts)
    if not are_ids or len(parts) > live.MOST_SHOWN:
        raise BadRequest(f"`shown` lists up to {live.MOST_SHOWN} numbers of exceptions.")
    return [int(part) for part in parts]


def _moment(text: str) -> datetime:
    """Read a moment that the page was given. Raises BadRequest."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadRequest("`loaded` and `since` are moments with a zone.")
    return found

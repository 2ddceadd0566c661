"""The exception queue: saved views, filters, search, and one page of rows."""

from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from exceptions import arrangement, queries, saved_views
from exceptions.arrangement import Arrangement
from exceptions.fields import FIELDS
from exceptions.models import Case, SavedView
from exceptions.permissions import can_work_any, visible_cases
from exceptions.rows import Count
from exceptions.table import Names
from exceptions.views import arranging
from exceptions.views.answers import is_swap, person
from reconciliation.clock import now
from reconciliation.models import Source
from reconciliation.views import filters

QUEUE = "/exceptions/"
OFFERED = (
    "check_name", "team", "owner", "state", "severity", "sla", "at_risk_minor", "currency",
    "waiting_for", "repair", "opened_at", "age", "closed", "closed_at", "route", "customer",
    "channel", "order_source", "destination", "order_state", "commented", "attempts",
)  # fmt: skip
_CLOSED_TOO = {"field": "closed", "operator": "is_any_of", "value": ["true", "false"]}


@dataclass(frozen=True)
class Head:
    """The head of a column that sorts; `sorted` is ascending, descending or "" as ARIA has it."""

    href: str
    sorted: str


@dataclass(frozen=True)
class Asked:
    """What the address asks for."""

    view: str
    search: str
    after: str
    conditions: list[dict[str, Any]]
    is_grouped: bool  # one item a cause
    is_edited: bool  # the filters are not, or no longer, those of the view
    arranged: Arrangement
    rearranged: dict[str, str]  # what the address says of it beyond the view
    problem: str

    @property
    def keep(self) -> dict[str, str]:
        """Give what an address keeps when its filters change."""
        grouped = {"grouped": "1"} if self.is_grouped else {}
        return {"view": self.view, "q": self.search, **grouped, **self.rearranged}

    @property
    def view_name(self) -> str:
        """Name the view for the screen."""
        if not self.view:
            return "All open"
        name = SavedView.objects.filter(slug=self.view).values_list("name", flat=True).first()
        return name or "All open"


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Show the exceptions that are open for this person, the most urgent first."""
    at = now()
    asked = read(request.GET, user=person(request))
    if filters.is_adding(request.GET) and not asked.problem:
        texts = [filters.to_text(each) for each in asked.conditions]
        return redirect(filters.href(QUEUE, asked.keep, texts))
    if arranging.is_form(request.GET):
        return redirect(list_href(asked))
    names = Names.read()
    try:
        context = _list(request, asked, names=names, at=at)
    except queries.BadCursor as refusal:
        raise BadRequest(str(refusal)) from refusal
    if not context["page"].rows and _is_first_day():
        return render(request, "exceptions/first_run.html")
    if is_swap(request) and request.headers.get("HX-Target") == "list":
        context["total"] = _total(request, asked, at=at)
        return render(request, "exceptions/_list.html", context)
    context |= _frame(request, asked, names=names, at=at)
    context["total"] = _total(request, asked, at=at) if asked.search else context["summary"].open
    status = HTTPStatus.UNPROCESSABLE_ENTITY if asked.problem else HTTPStatus.OK
    return render(request, "exceptions/queue.html", context, status=status)


@require_safe
def arrange(request: HttpRequest) -> HttpResponse:
    """Offer order, columns and density of the list that the address asks for."""
    asked = read(request.GET, user=person(request))
    is_piece = request.headers.get("HX-Target") == "dialog"
    context = {
        "asked": asked,
        "kept": [
            *((name, value) for name, value in asked.keep.items() if name not in asked.rearranged),
            *(("f", text) for text in _texts(asked)),
        ],
        "sorts": arrangement.SORTS,
        "columns": arrangement.COLUMNS,
        "densities": arrangement.DENSITIES,
        "back_href": list_href(asked),
        "is_piece": is_piece,
    }
    name = "_arrange" if is_piece else "arrange"
    return render(request, f"exceptions/{name}.html", context)


def _is_first_day() -> bool:
    return not Case.objects.exists() and not Source.objects.exclude(kind="internal").exists()


def read(given: QueryDict, *, user: User) -> Asked:
    """Read which view, filters and search an address or a form asks for; raises Http404."""
    view = given.get("view", "")
    is_edited = "f" in given or filters.is_adding(given)
    conditions, problem = filters.read(FIELDS, given)
    kept = _view(view, user) if view else None
    if kept is not None and not is_edited:
        conditions = list(kept.filters)
    base = arrangement.of_view(kept) if kept else arrangement.DEFAULT
    arranged = arranging.read(given, base=base)
    return Asked(
        view=view,
        search=given.get("q", "").strip(),
        after=given.get("after", ""),
        conditions=conditions,
        is_grouped=given.get("grouped") == "1",
        is_edited=is_edited,
        arranged=arranged,
        rearranged=arranging.said(arranged, base=base),
        problem=problem,
    )


def _view(slug: str, user: User) -> SavedView:
    try:
        return saved_views.opened_by(user).get(slug=slug)
    except SavedView.DoesNotExist as missing:
        raise Http404 from missing


def _list(request: HttpRequest, asked: Asked, *, names: Names, at: datetime) -> dict[str, Any]:
    """Give what the table and its empty state show."""
    user = person(request)
    page = queries.queue_page(
        user=user, at=at, filters=asked.conditions, search=asked.search, after=asked.after,
        is_grouped=asked.is_grouped, arranged=asked.arranged, names=names,
    )  # fmt: skip
    asks: dict[str, Any] = {
        "user": user, "at": at, "filters": asked.conditions, "search": asked.search
    }  # fmt: skip
    groups = queries.groups(**asks) if asked.is_grouped and not asked.after else []
    context: dict[str, Any] = {
        "page": page,
        "showing": f"{len(page.rows)} shown, {asked.arranged.order.title.lower()}",
        "arranged": asked.arranged,
        "heads": {
            "sla": _head(asked, arrangement.SLA),
            "money": _head(asked, "money"),
            "age": _head(asked, "newest", "oldest"),
        },
        "older_href": list_href(asked, after=page.next_cursor) if page.next_cursor else "",
        "newest_href": list_href(asked) if asked.after else "",
        "is_searching": bool(asked.search),
        "is_filtered": asked.is_edited,
        "live_href": live_href(asked, loaded_at=at, since=at),
        "kept": [*asked.keep.items(), *(("f", text) for text in _texts(asked))],
    }
    context |= {"groups": groups, "can_tick": can_work_any(user)}
    if not page.rows and not groups:
        context |= _emptiness(request, asked)
    return context


def _head(asked: Asked, *sorts: str) -> Head:
    """Lay out the head of a column that sorts: it leads to the next of its sorts."""
    sort, is_on = asked.arranged.sort, asked.arranged.sort in sorts
    following = sorts[(sorts.index(sort) + 1) % len(sorts)] if is_on else sorts[-1]
    way = ("descending" if asked.arranged.order.is_falling else "ascending") if is_on else ""
    # An older moment is a greater age.
    turned = {"ascending": "descending", "descending": "ascending"}
    return Head(
        href=list_href(
            replace(asked, rearranged={**asked.rearranged, "sort": following}, after="")
        ),
        sorted=turned.get(way, "") if asked.arranged.order.field == "opened_at" else way,
    )


def _total(request: HttpRequest, asked: Asked, *, at: datetime) -> Count:
    user = person(request)
    found = queries.found_cases(
        visible_cases(user), user=user, at=at, filters=asked.conditions, search=asked.search
    )
    return queries.capped_count(found)


def _emptiness(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    last = visible_cases(person(request)).filter(closed_at__isnull=False)
    return {
        "filter_count": len(asked.conditions),
        "open_count": queries.open_count(user=person(request)),
        "last_closed_at": last.order_by("-closed_at").values_list("closed_at", flat=True).first(),
        "view_name": asked.view_name,
        "includes_closed": any(each.get("field") == "closed" for each in asked.conditions),
        "closed_href": filters.href(
            QUEUE,
            {"q": asked.search},
            [filters.to_text(each) for each in (*asked.conditions, _CLOSED_TOO)],
        ),
    }


def _frame(request: HttpRequest, asked: Asked, *, names: Names, at: datetime) -> dict[str, Any]:
    """Give what stands above the table."""
    user = person(request)
    summary, tabs = queries.overview(user=user, at=at, filters=asked.conditions)
    return {
        "view": asked.view,
        "view_name": asked.view_name,
        "tabs": tabs,
        "summary": summary,
        "bar": filters.bar(
            FIELDS,
            asked.conditions,
            action=QUEUE,
            keep=asked.keep,
            offered=OFFERED,
            problem=asked.problem,
            options={"check_name": tuple(names.checks.items())},
        ),
        "search": asked.search,
        "is_grouped": asked.is_grouped,
        "group_href": _group_href(asked),
        "search_label": "Order, customer, event ID",
        "is_edited": bool(asked.view) and (asked.is_edited or bool(asked.rearranged)),
        "rearranged": asked.rearranged,
        "arrange_href": f"{QUEUE}arrange/?{query(asked)}",
        **_keeping(asked, user),
        "work_href": f"{QUEUE}next/?{query(asked)}",
    }


def _keeping(asked: Asked, user: User) -> dict[str, Any]:
    """Give whether this view may be changed, and for whom what is on may be kept."""
    view = saved_views.opened_by(user).filter(slug=asked.view).first() if asked.view else None
    can_save = bool(asked.rearranged) or (asked.is_edited and bool(asked.conditions))
    return {
        "can_save": can_save,
        "can_change_view": view is not None and not saved_views.refusal(user, view),
        "scopes": saved_views.scopes(user) if can_save else [],
    }


def list_href(asked: Asked, *, after: str = "") -> str:
    """Write the address of another page of what is asked for."""
    return f"{QUEUE}?{query(asked, after=after)}"


def live_href(asked: Asked, *, loaded_at: datetime, since: datetime) -> str:
    """Write the address that tells what is new in a list since it was loaded, and since asked."""
    moments = {"since": since.isoformat()}
    if loaded_at != since:
        moments["loaded"] = loaded_at.isoformat()
    return f"{QUEUE}changes/?{query(asked, after=asked.after, **moments)}"


def query(asked: Asked, **more: str) -> str:
    """Write what is asked for, and more, as the part of an address behind its question mark."""
    parts = [(name, value) for name, value in {**asked.keep, **more}.items() if value]
    parts += [("f", text) for text in _texts(asked)]
    return urlencode(parts)


def _texts(asked: Asked) -> list[str]:
    """Write the filters that the view alone does not say; none at all is said too."""
    if not asked.is_edited:
        return []
    return [filters.to_text(each) for each in asked.conditions] or [""]


def _group_href(asked: Asked) -> str:
    """Write the address of the same list with its groups as one item, or without."""
    return list_href(replace(asked, is_grouped=not asked.is_grouped, after=""))

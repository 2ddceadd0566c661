"""The page of one order: its story, its sources side by side, its exceptions."""

import csv
from collections.abc import Callable
from datetime import datetime
from io import StringIO
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from exceptions import family_page, order_page, queries, settled
from exceptions.comparison import compare
from exceptions.views.answers import person, side_by_side
from reconciliation import people
from reconciliation.clock import now
from reconciliation.duplicates import refusal_to_judge
from reconciliation.models import Order, Source
from reconciliation.order_list import state_words

TABS = (
    ("timeline", "Timeline"),
    ("sources", "Sources"),
    ("parts", "Sub-orders & payouts"),
    ("exceptions", "Exceptions"),
)
KINDS = (
    ("", "All"),
    ("event", "Events"),
    ("state", "State changes"),
    ("write", "Writes"),
    ("people", "People"),
    ("comment", "Comments"),
    ("problem", "Problems"),
)


@require_safe
def order(request: HttpRequest, canonical_id: str) -> HttpResponse:
    """Show one order; a merged one says what it became, and leads there."""
    at, found = now(), _find(canonical_id)
    tab = request.GET.get("tab", "timeline")
    if tab not in dict(TABS):
        raise Http404
    rows = queries.rows_of_order(order_id=found.pk, user=person(request), at=at)
    context: dict[str, Any] = {
        "order": found,
        "detail": getattr(found, "detail", None),
        "is_erased": people.is_erased(_customer_of(found)),
        "state_words": state_words(found),
        "steps": order_page.steps(found),
        "stuck": order_page.stuck_because(found),
        "part_count": found.part_count,
        "merged": list(Order.objects.filter(merged_into=found).order_by("pk")),
        "tab": tab,
        "tabs": _tabs(found, tab, exceptions=len(rows)),
        "rows": rows,
        "aliases": found.aliases.select_related("source").order_by("kind", "value"),
        **_OF_TAB[tab](request, found, at),
    }
    return render(request, "exceptions/order.html", context)


@require_safe
def trail(request: HttpRequest, canonical_id: str) -> HttpResponse:
    """Give the whole story as CSV, oldest first."""
    found = _find(canonical_id)
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(["at", "who", "what", "reason", "kind", "details"])
    for entry in reversed(order_page.timeline(found, at=now())):
        if entry.kind in {"next", "gap"}:
            continue
        details = "; ".join(f"{name}: {value}" for name, value in entry.facts)
        row = [entry.at.isoformat(), entry.who, entry.text, entry.reason, entry.kind, details]
        writer.writerow([_harmless(cell) for cell in row])
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    name = "".join(letter if letter.isalnum() else "-" for letter in found.canonical_id)
    response["Content-Disposition"] = f'attachment; filename="trail-{name}.csv"'
    return response


def _find(canonical_id: str) -> Order:
    orders = Order.objects.select_related("detail__source", "merged_into", "parent", "recheck")
    found = orders.filter(canonical_id=canonical_id).first()
    if found is None:
        raise Http404
    return found


def _customer_of(found: Order) -> str:
    return found.detail.customer_key if hasattr(found, "detail") else ""


def _timeline(request: HttpRequest, found: Order, at: datetime) -> dict[str, Any]:
    kind = request.GET.get("kind", "")
    entries = order_page.timeline(found, kind=kind, at=at)
    return {
        "entries": entries[: order_page.NEWEST],
        "entry_count": sum(entry.kind not in {"next", "gap"} for entry in entries),
        "is_cut": len(entries) > order_page.NEWEST,
        "kinds": [
            (f"?{urlencode({'kind': value})}", words, value == kind) for value, words in KINDS
        ],
        "is_narrowed": bool(kind),
        "may_judge": not refusal_to_judge(person(request)),
    }


def _sources(_request: HttpRequest, found: Order, at: datetime) -> dict[str, Any]:
    systems = Source.objects.exclude(kind="internal").order_by("name")
    spoke = Source.objects.filter(events__order=found).exclude(kind="internal").distinct()
    heard = list(spoke.order_by("pk"))
    comparison = compare(order=found, sources=[*heard, *systems.exclude(pk__in=spoke)])
    return {
        "comparison": comparison,
        "differing": side_by_side(comparison.differing, comparison.systems),
        "matching": side_by_side(comparison.matching, comparison.systems),
        "lines": found.lines.order_by("line"),
        "writebacks": order_page.writebacks(found),
        "settlements": settled.settlement_rows(found, at=at),
        "foreign": settled.foreign_rows(found),
    }


def _parts(_request: HttpRequest, found: Order, at: datetime) -> dict[str, Any]:
    family = family_page.family(found, at=at)
    unjudged = family.unjudged if family else family_page.payouts_alone(found)
    if family is None and not unjudged:
        raise Http404
    return {"family": family, "unjudged": unjudged}


def _exceptions(_request: HttpRequest, _found: Order, _at: datetime) -> dict[str, Any]:
    return {}  # the rows are on every tab: their number stands in its name


_OF_TAB: dict[str, Callable[[HttpRequest, Order, datetime], dict[str, Any]]] = {
    "timeline": _timeline,
    "sources": _sources,
    "parts": _parts,
    "exceptions": _exceptions,
}


def _tabs(found: Order, tab: str, *, exceptions: int) -> list[dict[str, Any]]:
    base = f"/orders/{found.canonical_id}/"
    return [
        {
            "name": name,
            "href": base if value == "timeline" else f"{base}?tab={value}",
            "is_current": value == tab,
            "count": {"exceptions": exceptions, "parts": found.part_count}.get(value),
        }
        for value, name in TABS
        if value != "parts" or found.part_count or found.parent_id or found.paid_out_minor
    ]


def _harmless(cell: str) -> str:
    """Keep a spreadsheet from reading an outside text as a formula."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell

"""The list of orders."""

from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from audit.views import can_read
from reconciliation import order_list
from reconciliation.clock import now
from reconciliation.models import Order
from reconciliation.views import filters

ORDERS = "/orders/"
OFFERED = (
    "state", "verdict", "check", "team", "customer", "channel", "seller", "source", "currency",
    "ordered_minor", "invoiced_minor", "paid_minor", "placed_at", "paid_at", "shipped_at",
    "invoiced_at", "last_fact_at",
)  # fmt: skip


@require_safe
def orders(request: HttpRequest) -> HttpResponse:
    """Show the orders that match, newest first."""
    at, search = now(), request.GET.get("q", "").strip()
    conditions, problem = filters.read(order_list.FIELDS, request.GET)
    if filters.is_adding(request.GET) and not problem:
        texts = [filters.to_text(each) for each in conditions]
        return redirect(filters.href(ORDERS, {"q": search}, texts))
    page = order_list.order_page(
        conditions=conditions, search=search, older_than=_after(request), at=at
    )
    context: dict[str, Any] = {
        "page": page,
        "count": order_list.capped_count(conditions=conditions, search=search, at=at),
        "search": search,
        "search_label": "Order, customer, any outside ID",
        "is_filtered": bool(conditions),
        "is_asking": bool(conditions or search),
        "reads_trail": isinstance(request.user, User) and can_read(request.user),
        "older_href": _href(conditions, search, page.older_than),
        "newest_href": _href(conditions, search, 0) if "after" in request.GET else "",
    }
    if request.headers.get("HX-Target") == "list":
        return render(request, "reconciliation/_orders.html", context)
    context["has_orders"] = bool(page.orders) or Order.objects.exists()
    context["bar"] = filters.bar(
        order_list.FIELDS,
        conditions,
        action=ORDERS,
        keep={"q": search},
        offered=OFFERED,
        problem=problem,
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return render(request, "reconciliation/orders.html", context, status=status)


def _after(request: HttpRequest) -> int:
    given = request.GET.get("after", "0")
    digits = given.removeprefix("-")
    if not digits.isascii() or not digits.isdigit():
        raise BadRequest("That place in the list does not exist.")
    return int(given)


def _href(conditions: list[dict[str, Any]], search: str, older_than: int) -> str:
    parts = [("q", search), *(("f", filters.to_text(each)) for each in conditions)]
    parts += [("after", str(older_than or ""))]
    return f"{ORDERS}?{urlencode([part for part in parts if part[1]])}"

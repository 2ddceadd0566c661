"""Finds what a person's words name: exactly, by any id there is, or by how a name begins.

Names are resolved first, each by an index of its own; lists then ask for the numbers found.
"""

from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from reconciliation.models import Order, OrderDetail, Source
from reconciliation.sources import canonical
from reconciliation.sql import array, load

_MOST_NAMED = 1_000  # things of one exact name: the orders of a payout
_MOST_BEGUN = 5_000  # beginnings that are looked up; more are met soon by whoever reads along
_NOBODYS = "\0"  # PostgreSQL keeps no text that has one
_LONGEST_NUMBER = 18  # digits that a bigint surely holds


@dataclass(frozen=True)
class Named:
    """What carries exactly this name, by our own numbers."""

    orders: list[int]
    events: list[int]


def named(name: str) -> Named:
    """Find the orders and events of an exact name: canonical, outside, or an event's own."""
    if _NOBODYS in name:
        return Named([], [])
    given: dict[str, str | int] = {
        "name": name,
        "source_ids": array(Source.objects.order_by().values_list("pk", flat=True)),
        "types": array(canonical.types()),
        "most": _MOST_NAMED,
    }
    with connection.cursor() as cursor:
        cursor.execute(load("find_named"), given)
        found = cursor.fetchall()
    return Named(
        orders=sorted(id_ for what, id_ in found if what == "order"),
        events=sorted(id_ for what, id_ in found if what == "event"),
    )


def some_begun(name: str) -> list[int]:
    """Find orders whose name, or whose customer's, begins so: any of them, where there are many."""
    if _NOBODYS in name:
        return []
    by_name = Order.objects.filter(canonical_id__startswith=name).values("pk")
    by_customer = OrderDetail.objects.filter(customer_name__istartswith=name).values("order_id")
    several = _MOST_BEGUN + 1
    both = by_name[:several].union(by_customer[:several], all=True)
    return sorted({row["pk"] for row in both})


def begun(name: str, *, order: str = "") -> Q:
    """Ask for orders whose name, or whose customer's, begins so; `order` is the path to them."""
    found = some_begun(name)
    if len(found) <= _MOST_BEGUN:
        return Q(**{f"{order or 'pk'}__in": found})
    path = f"{order}__" if order else ""
    by_names = Q(**{f"{path}canonical_id__startswith": name})
    return by_names | Q(**{f"{path}detail__customer_name__istartswith": name})


def number(text: str) -> int:
    """Read our own number of a thing; 0 is nobody's."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number else 0

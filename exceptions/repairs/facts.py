"""What repairs ask of an order beyond its totals: which system, which reference, which lines."""

from django.db.models import QuerySet

from exceptions.models import Case
from reconciliation.models import Alias, Entry, Order, Source


def target_of(order: Order, *, kind: str) -> Source | None:
    """Find the system of this kind that takes write-backs, one that knows the order if any does."""
    open_ones = Source.objects.filter(kind=kind, is_paused=False).exclude(writeback_url="")
    knowing = open_ones.filter(events__order=order).order_by("pk").first()
    return knowing or open_ones.order_by("pk").first()


def newest_reference(order: Order, *, kind: str) -> str:
    """Give the outside id of the newest entry of a kind that still counts; "" if there is none."""
    named = _counting(order).filter(kind=kind).exclude(reference="")
    found = named.order_by("occurred_at", "pk").last()
    return found.reference if found else ""


def quantities(order: Order, *, kind: str) -> dict[str, int]:
    """Add up what still counts of a kind, by line."""
    totals: dict[str, int] = {}
    for line, quantity in _counting(order).filter(kind=kind).values_list("line", "quantity"):
        totals[line] = totals.get(line, 0) + quantity
    return {line: quantity for line, quantity in sorted(totals.items()) if quantity > 0}


def newest_nameless_twin(order: Order, *, kind: str) -> Entry | None:
    """Find the newest entry without a reference that an equal one without a reference precedes."""
    nameless = _counting(order).filter(
        kind=kind, reference="", amount_minor__gt=0, currency__in=("", order.currency)
    )
    seen: set[int] = set()
    twin = None
    for entry in nameless.select_related("event__source").order_by("occurred_at", "pk"):
        if entry.amount_minor in seen:
            twin = entry
        seen.add(entry.amount_minor)
    return twin


def alias_of(order: Order, *, source: Source, kind: str) -> str:
    """Give the name of a kind that a source has for the order; "" if it has none."""
    found = Alias.objects.filter(order=order, source=source, kind=kind).order_by("pk").last()
    return found.value if found else ""


def subject_order(case: Case) -> Order | None:
    """Give the order that the case is about, read anew."""
    return None if case.order_id is None else Order.objects.get(pk=case.order_id)


def order_called(name: str) -> Order | None:
    """Find the one order that goes by a name, ours or anyone's; None if there is none, or more."""
    own = Order.objects.filter(canonical_id=name).first()
    if own is not None or not name:
        return own
    known = Alias.objects.filter(value=name).values("order").distinct()
    found = list(Order.objects.filter(pk__in=known)[:2])
    return found[0] if len(found) == 1 else None


def _counting(order: Order) -> QuerySet[Entry]:
    """Leave out what was reversed, and what reverses."""
    return Entry.objects.filter(order=order, reverses__isnull=True, entry__isnull=True)

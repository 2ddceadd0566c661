"""Lists orders: filters, search by any name that an order goes by, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from reconciliation import search as names
from reconciliation.fields import ORDER, Choice, Registry
from reconciliation.fields.kinds import Asked
from reconciliation.fields.registered import check_titles, team_names
from reconciliation.models import Discrepancy, Order

CAP = 1_000
PAGE_SIZE = 50
STATE_WORDS = {
    "CREATED": "Created",
    "CONFIRMED": "Confirmed",
    "FULFILLED": "Fulfilled",
    "BILLED": "Billed",
    "RECONCILED": "Reconciled",
    "CLOSED": "Closed",
    "CANCELLED": "Cancelled",
}


@dataclass(frozen=True)
class _Broken(Choice):
    """Something about an open discrepancy of the order."""

    operators = ("is", "is_any_of", "is_empty")

    def _leaf(self, operator: str, wanted: Any, _asked: Asked) -> Q:  # noqa: ANN401 - as its base
        found = Discrepancy.objects.filter(order=OuterRef("pk"), cleared_at__isnull=True)
        if operator == "is_empty":
            return ~Q(Exists(found))
        names = [wanted] if operator == "is" else wanted
        return Q(Exists(found.filter(**{f"{self._path()}__in": names})))


@dataclass(frozen=True)
class _EverBroken(Choice):
    """Whether a check of the order was ever broken: any, or those of one team."""

    operators = ("is",)

    def _leaf(self, _operator: str, wanted: Any, _asked: Asked) -> Q:  # noqa: ANN401 - as its base
        found = Discrepancy.objects.filter(order=OuterRef("pk"))
        return Q(Exists(found if wanted == "any" else found.filter(team__slug=wanted)))


def _teams_or_any() -> list[tuple[str, str]]:
    return [("any", "any team's checks"), *team_names()]


FIELDS = Registry(
    [
        ORDER["state"],
        ORDER["verdict"],
        _Broken("check", "Disagreement", ("check_name",), choices=check_titles),
        _Broken("team", "Team", ("team__slug",), choices=team_names),
        _EverBroken("ever", "Ever disagreed by", ("pk",), choices=_teams_or_any),
        *(field for name, field in ORDER.items() if name not in {"state", "verdict"}),
    ]
)


@dataclass(frozen=True)
class Listed:
    """One order in the list."""

    canonical_id: str
    state: str
    state_text: str
    verdict: str
    problems: tuple[str, ...]  # titles of the open discrepancies
    customer: str
    source: str
    total_minor: int
    currency: str
    placed_at: datetime | None
    last_fact_at: datetime | None


@dataclass(frozen=True)
class OrderPage:
    """Some orders; `older_than` leads to the next ones, 0 at the end."""

    orders: list[Listed]
    older_than: int


def order_page(
    *, conditions: Sequence[dict[str, Any]], search: str, older_than: int, at: datetime
) -> OrderPage:
    """Give one page of the orders that match: those of exactly this name, then the newest first.

    `older_than` is a place that an earlier page named; below zero it stands among the exact ones.
    """
    found = _standing(conditions, at=at)
    exactly, others = _exactly(search), _begun(search)
    rows: list[Order] = []
    if exactly and older_than <= 0:
        rows += _some(found.filter(pk__in=exactly), older_than=-older_than, most=PAGE_SIZE + 1)
        older_than = 0
    if len(rows) <= PAGE_SIZE:
        rest = found.filter(others).exclude(pk__in=exactly)
        rows += _some(rest, older_than=older_than, most=PAGE_SIZE + 1 - len(rows))
    shown = rows[:PAGE_SIZE]
    problems = _problems([row.pk for row in shown])
    return OrderPage(
        orders=[_listed(row, problems.get(row.pk, ())) for row in shown],
        older_than=_place(shown[-1].pk, exactly) if len(rows) > PAGE_SIZE else 0,
    )


def _some(found: QuerySet[Order], *, older_than: int, most: int) -> list[Order]:
    rest = found.filter(pk__lt=older_than) if older_than else found
    return list(rest.select_related("detail__source").order_by("-pk")[:most])


def _place(order_id: int, exactly: Sequence[int]) -> int:
    return -order_id if order_id in exactly else order_id


def capped_count(*, conditions: Sequence[dict[str, Any]], search: str, at: datetime) -> str:
    """Count the orders that match, to 1,000 at most, in words."""
    number = matching(conditions=conditions, search=search, at=at)[: CAP + 1].count()
    return f"{CAP:,}+" if number > CAP else f"{number:,}"


def matching(*, conditions: Sequence[dict[str, Any]], search: str, at: datetime) -> QuerySet[Order]:
    """Give the orders that match; those merged into another are left out."""
    exactly = _exactly(search)
    wanted = _begun(search) | Q(pk__in=exactly) if exactly else _begun(search)
    return _standing(conditions, at=at).filter(wanted)


def _standing(conditions: Sequence[dict[str, Any]], *, at: datetime) -> QuerySet[Order]:
    return Order.objects.filter(FIELDS.to_q(conditions, at=at), merged_into__isnull=True)


def _exactly(search: str) -> list[int]:
    return names.named(search).orders if search else []


def _begun(search: str) -> Q:
    return names.begun(search) if search else Q()


def state_words(order: Order) -> str:
    """Say where an order stands, and whether that is where it should."""
    words = STATE_WORDS[order.state]
    is_settled = order.state in {Order.State.RECONCILED, Order.State.CLOSED}
    return words if is_settled or order.verdict != "BROKEN" else f"{words}, disagrees"


def _listed(order: Order, problems: tuple[str, ...]) -> Listed:
    detail = getattr(order, "detail", None)
    return Listed(
        canonical_id=order.canonical_id,
        state=order.state,
        state_text=STATE_WORDS[order.state],
        verdict=order.verdict,
        problems=problems,
        customer=detail.customer_name if detail else "",
        source=detail.source.name if detail else "",
        total_minor=order.ordered_minor,
        currency=order.currency,
        placed_at=order.placed_at,
        last_fact_at=order.last_fact_at,
    )


def _problems(order_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Give the titles of the open discrepancies of each order."""
    titles = dict(check_titles())
    found: dict[int, tuple[str, ...]] = {}
    rows = Discrepancy.objects.filter(order__in=order_ids, cleared_at__isnull=True)
    for order_id, name in rows.order_by("pk").values_list("order_id", "check_name"):
        if order_id is not None:
            found[order_id] = (*found.get(order_id, ()), titles.get(name, name))
    return found

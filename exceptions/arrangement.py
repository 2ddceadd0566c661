"""How a list of exceptions is arranged: in which order, with which columns, how close its rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from exceptions.history_fields import attempts_made
from exceptions.models import Case, SavedView

SLA = "sla"
DENSITIES = {"comfortable": "Comfortable", "compact": "Compact"}
_CLOCK = "%d %b %H:%M"


@dataclass(frozen=True)
class Sort:
    """One order of the list, by a column and the number; an index serves each."""

    title: str
    first: str  # what stands at its head
    field: str
    is_falling: bool = False

    def ordered(self, found: QuerySet[Case]) -> QuerySet[Case]:
        """Put them in this order."""
        sign = "-" if self.is_falling else ""
        return found.order_by(f"{sign}{self.field}", f"{sign}pk")

    def behind(self, *, value: object, case_id: int) -> Q:
        """Pick what follows a place: one range on the index, less the few that share its head."""
        edge = "gte" if self.is_falling else "lte"
        return self.since(value) & ~Q(**{self.field: value, f"pk__{edge}": case_id})

    def since(self, value: object) -> Q:
        """Pick what stands at this value or behind it."""
        return Q(**{f"{self.field}__{'lte' if self.is_falling else 'gte'}": value})

    def until(self, value: object) -> Q:
        """Pick what stands at this value or before it."""
        return Q(**{f"{self.field}__{'gte' if self.is_falling else 'lte'}": value})


SORTS: Mapping[str, Sort] = {
    SLA: Sort("Most urgent first", "the most urgent", "resolve_due_at"),
    "money": Sort("Largest amount first", "the largest amount", "at_risk_minor", is_falling=True),
    "oldest": Sort("Oldest first", "the oldest", "opened_at"),
    "newest": Sort("Newest first", "the newest", "opened_at", is_falling=True),
}


@dataclass(frozen=True)
class Column:
    """A column that a person may add: what it says of a case, and how a list reads that along."""

    title: str
    text: Callable[[Case], str]
    read: Callable[[QuerySet[Case]], QuerySet[Case]] = lambda found: found


def _order_state(case: Case) -> str:
    return case.order.get_state_display() if case.order else ""


def _order_id(case: Case) -> str:
    return case.order.canonical_id if case.order else ""


def _source(case: Case) -> str:
    detail = getattr(case.order, "detail", None)
    source = detail.source if detail else case.discrepancy.source
    return source.name if source else ""


def _destination(case: Case) -> str:
    writeback = case.discrepancy.writeback
    return writeback.target.name if writeback else ""


def _next_retry(case: Case) -> str:
    at = case.next_automatic_at
    return f"{timezone.localtime(at):{_CLOCK}}" if at else ""


def _first_seen(case: Case) -> str:
    return f"{timezone.localtime(case.opened_at):{_CLOCK}}"


def _attempts(case: Case) -> str:
    return str(case.attempts_made)  # type: ignore[attr-defined]  # with_attempts


def _with_attempts(found: QuerySet[Case]) -> QuerySet[Case]:
    return found.annotate(attempts_made=attempts_made())


def _with_source(found: QuerySet[Case]) -> QuerySet[Case]:
    return found.select_related("order__detail__source")


COLUMNS: Mapping[str, Column] = {
    "order_state": Column("Order state", _order_state),
    "order_id": Column("Order ID", _order_id),
    "source": Column("Source", _source, _with_source),
    "destination": Column("Written to", _destination),
    "route": Column("Routed by", lambda case: case.route),
    "attempts": Column("Attempts", _attempts, _with_attempts),
    "next_retry": Column("Next try", _next_retry),
    "first_seen": Column("First seen", _first_seen),
    "currency": Column("Currency", lambda case: case.currency),
}


@dataclass(frozen=True)
class Arrangement:
    """Sort, added columns and density; "" leaves the density to the person's own settings."""

    sort: str = SLA
    columns: tuple[str, ...] = ()
    density: str = ""

    @property
    def order(self) -> Sort:
        """Give the order of the list."""
        return SORTS[self.sort]

    def read(self, found: QuerySet[Case]) -> QuerySet[Case]:
        """Read what the added columns say along with the cases."""
        return reduce(lambda so_far, name: COLUMNS[name].read(so_far), self.columns, found)

    def texts(self, case: Case) -> list[str]:
        """Say what the added columns say of a case."""
        return [COLUMNS[name].text(case) for name in self.columns]

    def titles(self) -> list[str]:
        """Head the added columns."""
        return [COLUMNS[name].title for name in self.columns]


DEFAULT = Arrangement()


def of_view(view: SavedView) -> Arrangement:
    """Read how a saved view is arranged."""
    return clean(sort=view.sort, columns=view.columns, density=view.density)


def clean(*, sort: str, columns: Sequence[Any], density: str) -> Arrangement:
    """Keep what is a known choice; the rest falls back to the default."""
    return Arrangement(
        sort=sort if sort in SORTS else SLA,
        columns=tuple(name for name in COLUMNS if name in columns),
        density=density if density in DENSITIES else "",
    )

"""Makes one row of the queue from one case."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from exceptions import words
from exceptions.comparison import systems_of
from exceptions.models import Case
from exceptions.permissions import name_of
from exceptions.repairs import KINDS
from exceptions.rows import Row
from reconciliation.fields import DISCREPANCY
from reconciliation.models import Source

# What a row reads beyond the case; a page asks for it in one query.
RELATED = (
    "team",
    "clock_plan",
    "owner",
    "order__detail",
    "discrepancy__event__source",
    "discrepancy__rejection__source",
    "discrepancy__writeback__target",
    "discrepancy__source",
)


@dataclass(frozen=True)
class Names:
    """What things are called on the screen, read once a page."""

    checks: dict[str, str]
    systems: dict[str, str]  # the first source of each kind

    @classmethod
    def read(cls) -> "Names":
        """Read the titles of checks and the names of systems."""
        sources = Source.objects.order_by("-pk").values_list("kind", "name")
        return cls(checks=dict(DISCREPANCY["check_name"].options()), systems=dict(sources))


def row(case: Case, *, names: Names, at: datetime, more: Sequence[str] = ()) -> Row:
    """Make one row; the case comes with `RELATED`, and `more` is what added columns say of it."""
    repair = KINDS.get(case.recommended_repair) if case.merged_into_id is None else None
    order = case.order
    detail = getattr(order, "detail", None)
    return Row(
        id=case.pk,
        version=case.version,
        title=names.checks.get(case.check_name, case.check_name.replace("_", " ").capitalize()),
        check_name=case.check_name,
        severity=case.severity,
        state=case.state,
        state_text=words.state(case),
        order_id=order.canonical_id if order else "",
        customer=detail.customer_name if detail else "",
        systems=_systems(case, names),
        at_risk_minor=case.at_risk_minor,
        currency=case.currency,
        owner=case.owner.get_username() if case.owner else "",
        owner_name=name_of(case.owner) if case.owner else "",
        team=case.team.name,
        team_slug=case.team.slug,
        opened_at=case.opened_at,
        closed_at=case.closed_at,
        age_text=words.duration((case.closed_at or at) - case.opened_at),
        sla=words.resolve_clock(case, at=at),
        repair_kind=repair.KIND if repair else "",
        repair_title=repair.TITLE if repair else "",
        repair_tier=repair.TIER if repair else 0,
        more=more,
    )


def _systems(case: Case, names: Names) -> str:
    """Name the systems at odds, or the one that a stage's case is about."""
    found = case.discrepancy
    if found.event is not None:
        return found.event.source.name
    if found.rejection is not None:
        return found.rejection.source.name
    if found.writeback is not None:
        return found.writeback.target.name
    if found.source is not None:
        return found.source.name
    return systems_of(case.check_name, names.systems)

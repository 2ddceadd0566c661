"""The fields of the queue that ask a case's history: who settled it, who had it, what was tried.

They are asked of the database only; a rule never rests on them.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, lookups
from django.db.models.functions import Coalesce

from exceptions.models import Case, Comment, Handoff, RepairAttempt
from reconciliation.fields import BadCondition, Choice, Field, Number
from reconciliation.fields.kinds import Asked

_A_DAY = timedelta(days=1)
_COMPARED: dict[str, Any] = {
    "at_least": lookups.GreaterThanOrEqual,
    "at_most": lookups.LessThanOrEqual,
    "is": lookups.Exact,
}
_BY_THE_PRODUCT = Q(changed_by__startswith="service:")


def settled_alone() -> Q:
    """Pick the cases that were settled without a person: none ever changed them."""
    touched = Case.history.model.objects.filter(~_BY_THE_PRODUCT, id=OuterRef("pk"))
    return Q(state="SETTLED") & ~Q(Exists(touched))


def attempts_made() -> Coalesce:
    """Count the repairs that were run on a case, by people and by the product."""
    runs = RepairAttempt.objects.filter(case=OuterRef("pk")).order_by().values("case")
    return Coalesce(Subquery(runs.annotate(number=Count("pk")).values("number")), 0)


@dataclass(frozen=True)
class Alone(Choice):
    """Whether a case was settled without a person."""

    operators: ClassVar[tuple[str, ...]] = ("is",)

    def _leaf(self, _operator: str, wanted: Any, _asked: Asked) -> Q:  # noqa: ANN401 - as its base
        return settled_alone() if wanted == "true" else ~settled_alone()

    def _compare(self, *_given: Any) -> bool:  # noqa: ANN401 - as its base
        raise BadCondition(f"{self.label} is asked of the database only.")


@dataclass(frozen=True)
class Commented(Alone):
    """Whether a person wrote something on it."""

    def _leaf(self, _operator: str, wanted: Any, _asked: Asked) -> Q:  # noqa: ANN401 - as its base
        written = Q(Exists(Comment.objects.filter(case=OuterRef("pk"))))
        return written if wanted == "true" else ~written


@dataclass(frozen=True)
class Attempts(Number):
    """How many repairs were run on it, by people and by the product."""

    operators: ClassVar[tuple[str, ...]] = ("at_least", "at_most", "is")

    def _leaf(self, operator: str, wanted: Any, _asked: Asked) -> Q:  # noqa: ANN401 - as its base
        return Q(_COMPARED[operator](attempts_made(), wanted))

    def _compare(self, *_given: Any) -> bool:  # noqa: ANN401 - as its base
        raise BadCondition(f"{self.label} is asked of the database only.")


@dataclass(frozen=True)
class HandedOver(Field):
    """Whether a case changed teams or was given to a person between two days, both included.

    The value is "2026-11-01/2026-11-30", days in UTC. The opening is no handover.
    """

    control: ClassVar[str] = "text"
    operators: ClassVar[tuple[str, ...]] = ("is",)

    def say(self, value: Any) -> str:  # noqa: ANN401 - as its base
        """Say the days."""
        first, last = value
        return f"between {first:%Y-%m-%d} and {last:%Y-%m-%d}"

    def _one(self, _operator: str, value: Any) -> tuple[date, date]:  # noqa: ANN401 - as its base
        try:
            first, last = (date.fromisoformat(part) for part in str(value).split("/"))
        except ValueError as error:
            raise BadCondition(f"{self.label} needs two days: 2026-11-01/2026-11-30.") from error
        return first, last

    def _leaf(self, _operator: str, wanted: tuple[date, date], _asked: Asked) -> Q:
        first, last = (datetime.combine(day, time.min, UTC) for day in wanted)
        rows = Case.history.model.objects
        before = rows.filter(id=OuterRef("id"), version__lt=OuterRef("version"))
        before = before.order_by("-version", "-history_id")
        changed = rows.filter(
            id=OuterRef("pk"), history_date__gte=first, history_date__lt=last + _A_DAY
        ).annotate(
            team_before=Subquery(before.values("team_id")[:1]),
            owner_before=Subquery(before.values("owner_id")[:1]),
        )
        given = Q(owner_id__isnull=False) & (
            Q(owner_before__isnull=True) | ~Q(owner_id=F("owner_before"))
        )
        moved = changed.filter(team_before__isnull=False)
        return Q(Exists(moved.filter(~Q(team_id=F("team_before")) | given)))

    def _compare(self, *_given: Any) -> bool:  # noqa: ANN401 - as its base
        raise BadCondition(f"{self.label} is asked of the database only.")


@dataclass(frozen=True)
class HandedBetween(HandedOver):
    """Whether a handoff of it between two teams ended in one way between two days.

    The value is "bounced/revenue-ops/customer-ops/2026-11-01/2026-11-30", days in UTC.
    """

    def say(self, value: Any) -> str:  # noqa: ANN401 - as its base
        """Say the way, the teams and the days."""
        state, given, taken, first, last = value
        return f"{state.lower()} from {given} to {taken} between {first} and {last}"

    def _one(self, _operator: str, value: Any) -> Any:  # noqa: ANN401 - as its base
        try:
            state, given, taken, first, last = str(value).split("/")
            ended = Handoff.State(state.upper())
            return ended.value, given, taken, date.fromisoformat(first), date.fromisoformat(last)
        except ValueError as error:
            raise BadCondition(
                f"{self.label} needs a way, two teams and two days:"
                " bounced/revenue-ops/customer-ops/2026-11-01/2026-11-30."
            ) from error

    def _leaf(self, _operator: str, wanted: Any, _asked: Asked) -> Q:  # noqa: ANN401 - as its base
        state, given, taken, *days = wanted
        first, last = (datetime.combine(day, time.min, UTC) for day in days)
        found = Handoff.objects.filter(
            case=OuterRef("pk"), state=state, from_team__slug=given, to_team__slug=taken,
            answered_at__gte=first, answered_at__lt=last + _A_DAY,
        )  # fmt: skip
        return Q(Exists(found))


HISTORY = (
    Alone(
        "alone",
        "Settled without a person",
        ("closed_by",),
        choices=[("true", "yes"), ("false", "no")],
    ),
    Commented("commented", "Has a comment", ("pk",), choices=[("true", "yes"), ("false", "no")]),
    Attempts("attempts", "Repair attempts", ("pk",)),
    HandedOver("handed_over", "Handed over", ("pk",)),
    HandedBetween("handoff", "Handoff", ("pk",)),
)

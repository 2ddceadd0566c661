"""Leaves a target alone that cannot be reached: longer each time, and on every machine at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, OuterRef, Subquery

from reconciliation.models import Breaker, WriteBackAttempt

_UNREACHABLE = "UNREACHABLE"
_RESTS = tuple(timedelta(seconds=s) for s in (5, 30, 60, 120, 300))


@dataclass(frozen=True)
class LeftAlone:
    """A target that could not be reached, and is left alone for a while."""

    name: str
    slug: str
    since: datetime
    failures: int
    last: str  # what it, or the way to it, answered last
    tried_again_at: datetime


def left_alone() -> list[LeftAlone]:
    """List the targets that could not be reached, the longest first."""
    tries = WriteBackAttempt.objects.filter(
        writeback__target=OuterRef("target"), outcome=_UNREACHABLE
    ).order_by("-pk")
    known = Breaker.objects.annotate(last=Subquery(tries.values("writeback__error")[:1]))
    return [
        LeftAlone(
            name=each.target.name,
            slug=each.target.slug,
            since=each.since,
            failures=each.failures,
            last=each.last or "",
            tried_again_at=each.open_until,
        )
        for each in known.select_related("target").order_by("since", "pk")
    ]


def end_rest(*, target_id: int, at: datetime) -> bool:
    """Let a target be called at once; if it fails again it rests as long as it would have.

    Says whether it was left alone at all.
    """
    return bool(Breaker.objects.filter(target_id=target_id).update(open_until=at))


def trip(*, target_id: int, at: datetime) -> None:
    """Note that a target could not be reached; nobody calls it again for a while.

    Tries that were under way together count as one: they tell the same.
    """
    known, is_new = Breaker.objects.get_or_create(
        target_id=target_id, defaults={"failures": 1, "open_until": at + _RESTS[0], "since": at}
    )
    if is_new:
        return
    rest = _RESTS[min(known.failures, len(_RESTS) - 1)]
    Breaker.objects.filter(pk=known.pk, failures=known.failures, open_until__lte=at).update(
        failures=F("failures") + 1, open_until=at + rest
    )


def mend(*, target_id: int) -> None:
    """Note that a target answered: it is called as usual."""
    Breaker.objects.filter(target_id=target_id).delete()

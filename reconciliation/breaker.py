"""Leaves a target alone that cannot be reached: longer each time, and on every machine at once."""

from datetime import datetime, timedelta

from django.db.models import F

from reconciliation.models import Breaker

_RESTS = tuple(timedelta(seconds=s) for s in (5, 30, 60, 120, 300))


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

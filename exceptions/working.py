"""Working through a view: one exception after the other, none that a colleague has before them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from audit.record import record
from exceptions import words
from exceptions.arrangement import SLA, SORTS, Sort
from exceptions.desk import check_goes_on
from exceptions.models import Case, Skip, Viewing
from exceptions.permissions import check_can_work, visible_cases
from exceptions.queries import found_cases
from exceptions.rows import Count

_SKIPPED_FOR = timedelta(hours=16)  # until the next working day


@dataclass(frozen=True)
class Place:
    """Where a case stands in a view: "7 of 141"."""

    number: Count
    of: Count


def next_case(
    *,
    user: User,
    at: datetime,
    filters: list[dict[str, Any]],
    search: str = "",
    sort: Sort = SORTS[SLA],
    after: int | None = None,
) -> int | None:
    """Give the first of a view that nobody else looks at and `user` has not skipped today.

    With `after`, the first that follows that case. None at the view's end.
    """
    looked_at = Viewing.objects.filter(until__gte=at).exclude(user=user)
    skipped = Skip.objects.filter(user=user, at__gt=at - _SKIPPED_FOR)
    found = _listed(user=user, at=at, filters=filters, search=search)
    found = found.exclude(pk__in=looked_at.values("case")).exclude(pk__in=skipped.values("case"))
    if after is not None:
        found = found.filter(_follows(after, sort))
    return sort.ordered(found).values_list("pk", flat=True).first()


def place(
    *,
    case_id: int,
    user: User,
    at: datetime,
    filters: list[dict[str, Any]],
    search: str = "",
    sort: Sort = SORTS[SLA],
) -> Place:
    """Say where a case stands in a view."""
    found = _listed(user=user, at=at, filters=filters, search=search)
    most = words.MOST_COUNTED + 1
    later = found.filter(_follows(case_id, sort) | Q(pk=case_id))
    total, rest = found[:most].count(), later[:most].count()
    return Place(words.count(max(total - rest + 1, 1)), words.count(max(total, 1)))


@transaction.atomic
def skip(*, case_id: int, reason: str, by: User, at: datetime) -> None:
    """Leave a case, as it is, for another day; raises NotAllowed, Case.DoesNotExist."""
    case = Case.objects.select_related("team").get(pk=case_id)
    check_can_work(by, case)
    check_goes_on(case)
    Skip.objects.create(case=case, user=by, reason=reason, at=at)
    record(
        stream="case",
        subject_id=case.pk,
        action="case.skipped",
        actor=by.username,
        at=at,
        from_state=case.state,
        to_state=case.state,
        reason=Skip.Reason(reason).label,
        rulebook_version=case.rulebook_version,
    )


def _listed(
    *, user: User, at: datetime, filters: list[dict[str, Any]], search: str
) -> QuerySet[Case]:
    return found_cases(visible_cases(user), user=user, at=at, filters=filters, search=search)


def _follows(case_id: int, sort: Sort) -> Q:
    """Find what stands behind a case in the list's order."""
    value = Case.objects.filter(pk=case_id).values_list(sort.field, flat=True).first()
    return Q() if value is None else sort.behind(value=value, case_id=case_id)

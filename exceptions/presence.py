"""Who is looking at a case: a heartbeat that soon goes stale. Nothing is decided by it."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q

from exceptions.models import Viewing
from exceptions.permissions import name_of

BEAT_SECONDS = 20
_LASTS = timedelta(seconds=45)


def look(*, case_id: int, user: User, at: datetime) -> list[str]:
    """Note that `user` has the case before them; names the others who do."""
    Viewing.objects.filter(user=user, until__lt=at).exclude(case=case_id).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO exceptions_viewing AS known (case_id, user_id, since, until)
            VALUES (%(case_id)s, %(user_id)s, %(at)s, %(until)s)
            ON CONFLICT (case_id, user_id) DO UPDATE
            SET until = excluded.until, since = CASE
                WHEN known.until < excluded.since THEN excluded.since ELSE known.since
            END
            """,
            {"case_id": case_id, "user_id": user.pk, "at": at, "until": at + _LASTS},
        )
    return viewers(case_ids=[case_id], user=user, at=at).get(case_id, [])


def viewers(*, case_ids: Collection[int], user: User, at: datetime) -> dict[int, list[str]]:
    """Name who else looks at these cases, by case."""
    looking = Viewing.objects.filter(case__in=case_ids, until__gte=at).exclude(user=user)
    found: dict[int, list[str]] = {}
    for each in looking.select_related("user").order_by("since", "pk"):
        found.setdefault(each.case_id, []).append(name_of(each.user))
    return found


def changed(*, case_ids: Collection[int], user: User, since: datetime, at: datetime) -> set[int]:
    """Name the cases at which somebody else began or ceased to look after `since`."""
    began, ceased = Q(since__gt=since), Q(until__gt=since, until__lt=at)
    others = Viewing.objects.filter(began | ceased, case__in=case_ids).exclude(user=user)
    return set(others.values_list("case", flat=True))

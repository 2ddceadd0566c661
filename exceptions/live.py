"""What has changed in a list since it was shown, for a page that keeps itself up to date."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from exceptions import presence, words
from exceptions.models import Case
from exceptions.permissions import visible_cases
from exceptions.queries import found_cases
from exceptions.rows import Count, Row
from exceptions.table import RELATED, Names, row

MOST_SHOWN = 500
# A case is changed at the moment its transaction began, and seen when that ends.
_LATE = timedelta(seconds=10)


@dataclass(frozen=True)
class Change:
    """One row on the screen as it is now; `gone` says why it would not be in the list any more."""

    row: Row
    gone: str
    watchers: list[str]


@dataclass(frozen=True)
class News:
    """What a list on the screen should be told."""

    changes: list[Change]
    new: Count  # how many would be on this page of the list, and are not

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to say."""
        return not self.changes and not self.new.number


def news(  # noqa: PLR0913 - what a list is made of
    *,
    user: User,
    shown: list[int],
    loaded_at: datetime,
    since: datetime,
    at: datetime,
    filters: list[dict[str, Any]],
    search: str = "",
    is_first_page: bool = True,
    size: int = 50,
) -> News:
    """Say what became of the cases `shown` since `since`, and what came in since `loaded_at`."""
    visible = visible_cases(user)
    listed = found_cases(visible, user=user, at=at, filters=filters, search=search)
    moved = Q(changed_at__gt=since - _LATE)
    looked_at = presence.changed(case_ids=shown, user=user, since=since - _LATE, at=at)
    changed = list(
        Case.objects.filter(pk__in=shown)
        .filter(moved | Q(pk__in=looked_at))
        .select_related(*RELATED)
    )
    return News(
        changes=_changes(changed, visible=visible, listed=listed, user=user, at=at),
        new=_new(listed, shown=shown, loaded_at=loaded_at, is_first_page=is_first_page, size=size),
    )


def _changes(
    changed: list[Case],
    *,
    visible: QuerySet[Case],
    listed: QuerySet[Case],
    user: User,
    at: datetime,
) -> list[Change]:
    if not changed:
        return []
    ids = [case.pk for case in changed]
    stay = set(listed.filter(pk__in=ids).values_list("pk", flat=True))
    seen = set(visible.filter(pk__in=ids).values_list("pk", flat=True))
    watchers = presence.viewers(case_ids=ids, user=user, at=at)
    names = Names.read()
    return [
        Change(
            row=row(case, names=names, at=at),
            gone="" if case.pk in stay else _why_gone(case),
            watchers=watchers.get(case.pk, []),
        )
        for case in changed
        if case.pk in seen
    ]


def _why_gone(case: Case) -> str:
    """Say who took a case out of the list: "Settled by Priya 14:02"."""
    by = "itself" if case.changed_by.startswith("service:") else case.changed_by
    what = case.get_state_display() if not case.is_open else "Moved"
    return f"{what} by {by} {case.changed_at:%H:%M}"


def _new(
    listed: QuerySet[Case],
    *,
    shown: list[int],
    loaded_at: datetime,
    is_first_page: bool,
    size: int,
) -> Count:
    """Count what would stand on this page of the list, had it been loaded now."""
    found = listed.filter(changed_at__gt=loaded_at - _LATE).exclude(pk__in=shown)
    due = dict(
        Case.objects.filter(pk__in=shown[:1] + shown[-1:]).values_list("pk", "resolve_due_at")
    )
    if len(shown) >= size:
        found = found.filter(resolve_due_at__lte=due.get(shown[-1]))
    if shown and not is_first_page:
        found = found.filter(resolve_due_at__gte=due.get(shown[0]))
    return words.count(found[: words.MOST_COUNTED + 1].count())

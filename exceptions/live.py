"""What has changed in a list since it was shown, for a page that keeps itself up to date."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from exceptions import crossings, presence, words
from exceptions.arrangement import SLA, SORTS, Sort
from exceptions.models import Case, Handoff
from exceptions.permissions import READS_ALL, readable_cases, roles, teams_of, visible_cases
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
class Departed:
    """One row on the screen that went to another team, of which no more is told."""

    case_id: int
    gone: str  # "Accepted by Priya 14:02"


@dataclass(frozen=True)
class News:
    """What a list on the screen should be told."""

    changes: list[Change]
    new: Count  # how many would be on this page of the list, and are not
    departed: list[Departed]
    spoken: str  # what is said aloud, once: a clock of one's own has come to its mark

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to say."""
        return not (self.changes or self.new.number or self.departed or self.spoken)


def news(  # noqa: PLR0913 - what a list is made of
    *,
    user: User,
    shown: list[int],
    loaded_at: datetime,
    since: datetime,
    at: datetime,
    filters: list[dict[str, Any]],
    search: str = "",
    sort: Sort = SORTS[SLA],
    is_first_page: bool = True,
    size: int = 50,
) -> News:
    """Say what became of the cases `shown` since `since`, and what came in since `loaded_at`."""
    listed = found_cases(visible_cases(user), user=user, at=at, filters=filters, search=search)
    window = (since - _LATE, at - _LATE)
    moved = Q(changed_at__gt=since - _LATE) | crossings.in_window(*window)
    looked_at = presence.changed(case_ids=shown, user=user, since=since - _LATE, at=at)
    changed = list(
        Case.objects.filter(pk__in=shown)
        .filter(moved | Q(pk__in=looked_at))
        .select_related(*RELATED)
    )
    return News(
        changes=_changes(changed, listed=listed, user=user, at=at),
        departed=_departed(shown, user=user, since=since),
        spoken=crossings.said(user=user, since=window[0], until=window[1], at=at),
        new=_new(
            listed,
            shown=shown,
            loaded_at=loaded_at,
            sort=sort,
            is_first_page=is_first_page,
            size=size,
        ),
    )


def _changes(
    changed: list[Case],
    *,
    listed: QuerySet[Case],
    user: User,
    at: datetime,
) -> list[Change]:
    if not changed:
        return []
    ids = [case.pk for case in changed]
    stay = set(listed.filter(pk__in=ids).values_list("pk", flat=True))
    # The rule of who may open a case, not that of the list: what is coming to a team is theirs too.
    seen = set(readable_cases(user).filter(pk__in=ids).values_list("pk", flat=True))
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


def _departed(shown: list[int], *, user: User, since: datetime) -> list[Departed]:
    """Find what a handoff that has just been answered took from the reader's sight."""
    if roles(user) & READS_ALL:
        return []
    mine = teams_of(user)
    answered = Handoff.objects.filter(case__in=shown, answered_at__gt=since - _LATE).filter(
        Q(from_team__in=mine) | Q(to_team__in=mine)
    )
    found = {each.case_id: each for each in answered.order_by("pk")}
    if not found:
        return []
    kept = readable_cases(user).filter(pk__in=found).values_list("pk", flat=True)
    return [
        Departed(
            case_id, f"{each.get_state_display()} {timezone.localtime(each.answered_at):%H:%M}"
        )
        for case_id, each in found.items()
        if case_id not in {*kept}
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
    sort: Sort,
    is_first_page: bool,
    size: int,
) -> Count:
    """Count what would stand on this page of the list, had it been loaded now."""
    found = listed.filter(changed_at__gt=loaded_at - _LATE).exclude(pk__in=shown)
    if len(shown) < size and is_first_page:  # there is no edge: all that is new would be here
        return words.count(found[: words.MOST_COUNTED + 1].count())
    edges = dict(Case.objects.filter(pk__in=shown[:1] + shown[-1:]).values_list("pk", sort.field))
    if len(shown) >= size:
        found = found.filter(sort.until(edges.get(shown[-1])))
    if shown and not is_first_page:
        found = found.filter(sort.since(edges.get(shown[0])))
    return words.count(found[: words.MOST_COUNTED + 1].count())

"""What the exception desk's pages ask of the queue: pages of rows, views, counts."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.core import signing
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count as Aggregate
from django.db.models import Min, QuerySet, Sum

from exceptions import causes, saved_views, words
from exceptions import search as by_text
from exceptions.arrangement import DEFAULT, SLA, SORTS, Arrangement, Sort
from exceptions.comparison import systems_of
from exceptions.dossier import case_detail, repair_preview, repair_title, window_ends
from exceptions.fields import CLOSED, FIELDS, HANDED_TO_US
from exceptions.models import Case, SavedView
from exceptions.models.cases import CLOSED as CLOSED_STATES
from exceptions.permissions import readable_cases, visible_cases
from exceptions.rows import Count, GroupRow, KeysetPage, Money, Row, Summary, Tab
from exceptions.table import RELATED, Names, row
from reconciliation.fields import BadCondition

__all__ = [
    "BadCursor",
    "capped_count",
    "case_detail",
    "case_row",
    "cursor",
    "found_cases",
    "groups",
    "open_count",
    "overview",
    "queue_page",
    "repair_preview",
    "repair_title",
    "rows_of_order",
    "systems_of",
    "view_filters",
    "view_names",
    "window_ends",
]

_MOST_GROUPS = 50
_SALT = "exceptions.queue"
_ENDS = {CLOSED, "state", "closed_at"}  # a filter on one of these also finds what is closed
_NAMES = {"is", "is_any_of"}
_MOST = words.MOST_COUNTED + 1
_MOST_SUMMED = 50_000
_SUMS = """(
    SELECT jsonb_agg(to_jsonb(summed) ORDER BY summed.currency)
    FROM (
        SELECT
            capped.currency, sum(capped.at_risk_minor)::bigint AS at_risk_minor, count(*) AS number
        FROM ({found}) AS capped
        GROUP BY capped.currency
    ) AS summed
)"""
_Part = tuple[str, Sequence[Any]]  # a value in SQL, and its parameters


class BadCursor(Exception):
    """The place in the list is not one we gave out."""


class _Place(NamedTuple):
    """Behind which case a page begins, and in which part of what a search finds."""

    value: datetime | int
    case_id: int
    part: int


def queue_page(  # noqa: PLR0913 - what a list is made of
    *,
    user: User,
    at: datetime,
    filters: list[dict[str, Any]],
    search: str = "",
    after: str = "",
    size: int = 50,
    is_grouped: bool = False,
    arranged: Arrangement = DEFAULT,
    names: Names | None = None,
) -> KeysetPage:
    """Give one page of what `user` may see, as it is arranged: by due time, unless it says else.

    `filters` are as in `SavedView.filters` (vocabulary: `exceptions.fields.FIELDS`); without one on
    `state` or `closed` only open exceptions are given. `after` is a cursor of an earlier page;
    raises BadCursor if it is not. `is_grouped` leaves out what stands in `groups`.
    """
    visible = visible_cases(user)
    found = _asked_for(visible, user=user, at=at, filters=filters, is_searched=bool(search))
    if is_grouped:
        found = found.filter(cause="")
    found = arranged.read(found.select_related(*RELATED))
    place = _read_cursor(after, sort=arranged.sort) if after else None
    cases = _first(_parts(found, search), place=place, order=arranged.order, most=size + 1)
    known = names or Names.read()
    rows = [row(case, names=known, at=at, more=arranged.texts(case)) for _, case in cases[:size]]
    part, last = cases[size - 1] if len(cases) > size else (0, None)
    next_cursor = cursor(last, sort=arranged.sort, part=part) if last else ""
    return KeysetPage(rows=rows, next_cursor=next_cursor, size=size)


def _parts(found: QuerySet[Case], search: str) -> list[QuerySet[Case]]:
    """Part what a search finds: what has exactly this name stands before what only begins so."""
    if not search:
        return [found]
    exactly = by_text.exactly(search)
    return [found.filter(exactly), found.filter(by_text.begun(search)).exclude(exactly)]


def _first(
    parts: list[QuerySet[Case]], *, place: _Place | None, order: Sort, most: int
) -> list[tuple[int, Case]]:
    """Read on through the parts behind a place; each case comes with the part it stands in."""
    cases: list[tuple[int, Case]] = []
    for number, part in enumerate(parts):
        if place and number < place.part:
            continue
        if place and number == place.part:
            part = part.filter(order.behind(value=place.value, case_id=place.case_id))  # noqa: PLW2901
        if len(cases) < most:
            cases += [(number, case) for case in order.ordered(part)[: most - len(cases)]]
    return cases


def groups(
    *, user: User, at: datetime, filters: list[dict[str, Any]], search: str = ""
) -> list[GroupRow]:
    """Give what a view holds as one item a cause, the most urgent first."""
    found = found_cases(visible_cases(user), user=user, at=at, filters=filters, search=search)
    parts = (
        found.exclude(cause="")
        .order_by()
        .values("cause", "currency")
        .annotate(
            number=Aggregate("pk"), at_risk=Sum("at_risk_minor"), due_at=Min("resolve_due_at")
        )
    )
    by_cause: dict[str, list[Any]] = {}
    for part in parts.order_by("due_at", "cause"):
        by_cause.setdefault(part["cause"], []).append(part)
    shown = [*by_cause][:_MOST_GROUPS]
    first = found.filter(cause__in=shown).order_by("cause", "resolve_due_at", "pk")
    firsts = {case.cause: case for case in first.select_related(*RELATED).distinct("cause")}
    return [_group(firsts[cause], by_cause[cause], at=at) for cause in shown if cause in firsts]


def _group(first: Case, parts: list[Any], *, at: datetime) -> GroupRow:
    return GroupRow(
        sign=first.cause,
        words=causes.words_of(first.cause),
        number=sum(part["number"] for part in parts),
        at_risk=[Money(part["at_risk"], part["currency"]) for part in parts if part["at_risk"]],
        sla=words.resolve_clock(first, at=at),
    )


def capped_count(found: QuerySet[Case]) -> Count:
    """Count a set, to 1,000 at most."""
    (number,) = _in_one_query([_capped(found)])
    return words.count(number)


def overview(
    *, user: User, at: datetime, filters: list[dict[str, Any]]
) -> tuple[Summary, list[Tab]]:
    """Count what a view holds, to 1,000 at most, sum what is at risk in it, and count all views.

    The views are those that `user` sees above the queue.
    """
    found = found_cases(visible_cases(user), user=user, at=at, filters=filters)
    late = found.filter(closed_at__isnull=True, resolve_due_at__lt=at)
    views = _views(user, at=at)
    counted = map(_capped, [found, late, *(held for _, held in views)])
    at_risk, *numbers = _in_one_query([_at_risk(found), *counted])
    open_, over, *others = map(words.count, numbers)
    tabs = [
        Tab(slug=view.slug, name=view.name, count=count)
        for (view, _), count in zip(views, others, strict=True)
    ]
    sums = at_risk or []
    summary = Summary(
        open=open_,
        over_sla=over,
        at_risk=[Money(each["at_risk_minor"], each["currency"]) for each in sums],
        is_at_least=sum(each["number"] for each in sums) > _MOST_SUMMED,
    )
    return summary, tabs


def _views(user: User, *, at: datetime) -> list[tuple[SavedView, QuerySet[Case]]]:
    """Give the saved views that `user` sees above the queue, with what they hold."""
    visible, views = visible_cases(user), []
    for view in saved_views.seen_by(user).order_by("position", "pk"):
        try:
            views.append((view, found_cases(visible, user=user, at=at, filters=view.filters)))
        except BadCondition:  # a field of an older version: the view says nothing now
            continue
    return views


def view_filters(*, slug: str, user: User) -> list[dict[str, Any]]:
    """Give the filters of a saved view; raises SavedView.DoesNotExist."""
    return list(saved_views.opened_by(user).get(slug=slug).filters)


def view_names(*, user: User) -> list[tuple[str, str]]:
    """List the saved views that `user` sees, by slug and name."""
    return list(saved_views.seen_by(user).order_by("position", "pk").values_list("slug", "name"))


def case_row(*, case_id: int, user: User, at: datetime) -> Row:
    """Give one row as the queue shows it; raises Case.DoesNotExist if `user` may not see it."""
    case = readable_cases(user).select_related(*RELATED).get(pk=case_id)
    return row(case, names=Names.read(), at=at)


def rows_of_order(*, order_id: int, user: User, at: datetime) -> list[Row]:
    """List an order's exceptions, newest first, open and closed."""
    found = visible_cases(user).filter(order_id=order_id).select_related(*RELATED)
    names = Names.read()
    return [row(case, names=names, at=at) for case in found.order_by("-opened_at", "-pk")]


def open_count(*, user: User) -> Count:
    """Count the open exceptions that `user` may see, for the rail."""
    return capped_count(visible_cases(user).filter(closed_at__isnull=True, merged_into=None))


def found_cases(
    visible: QuerySet[Case],
    *,
    user: User,
    at: datetime,
    filters: list[dict[str, Any]],
    search: str = "",
) -> QuerySet[Case]:
    """Give what filters and a search leave of `visible`: what is open, unless they say else.

    What is handed to a person's teams is theirs to see, though another team's.
    """
    found = _asked_for(visible, user=user, at=at, filters=filters, is_searched=bool(search))
    return found.filter(by_text.exactly(search) | by_text.begun(search)) if search else found


def _asked_for(
    visible: QuerySet[Case],
    *,
    user: User,
    at: datetime,
    filters: list[dict[str, Any]],
    is_searched: bool,
) -> QuerySet[Case]:
    is_coming = any(each.get("field") == HANDED_TO_US for each in filters)
    found = (Case.objects.all() if is_coming else visible).filter(
        FIELDS.to_q(filters, at=at, me=user.get_username())
    )
    if not any(_speaks_of_ends(each) for each in filters):
        found = found.filter(closed_at__isnull=True)
        if not is_searched:
            found = found.filter(merged_into__isnull=True)  # it follows another, which is here
    return found


def _speaks_of_ends(condition: dict[str, Any]) -> bool:
    parts = [*condition.get("any", []), *condition.get("all", [])]
    if parts:
        return any(_speaks_of_ends(part) for part in parts)
    return condition.get("field") in _ENDS and not _is_of_open_states(condition)


def _is_of_open_states(condition: dict[str, Any]) -> bool:
    """Tell whether only states are asked for that nothing closed is in."""
    asked = condition.get("value")
    values = asked if isinstance(asked, list) else [asked]
    is_asked = condition.get("field") == "state" and condition.get("operator") in _NAMES
    return is_asked and not {*values} & {*CLOSED_STATES}


def _capped(found: QuerySet[Case]) -> _Part:
    """Write the count of a set, up to one more than 1,000."""
    try:
        text, given = found.order_by().values("pk")[:_MOST].query.sql_with_params()
    except EmptyResultSet:  # a person without a team, a filter that nothing meets
        return "0", ()
    return f"(SELECT count(*) FROM ({text}) AS capped)", given  # noqa: S608 - of the ORM


def _at_risk(found: QuerySet[Case]) -> _Part:
    """Write the sums at risk by currency, over as many as can be added up while somebody waits."""
    some = found.order_by().filter(at_risk_minor__gt=0).values("currency", "at_risk_minor")
    try:
        text, given = some[: _MOST_SUMMED + 1].query.sql_with_params()
    except EmptyResultSet:
        return "NULL", ()
    return _SUMS.format(found=text), given


def _in_one_query(parts: Sequence[_Part]) -> list[Any]:
    """Ask for several values at once."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(text for text, _ in parts)}",
            [each for _, given in parts for each in given],
        )
        values = list(cursor.fetchone())
    return [json.loads(value) if isinstance(value, str) else value for value in values]


def cursor(case: Case, *, sort: str = SLA, part: int = 0) -> str:
    """Name the place in the list after `case`; it is signed, and good for this sort only."""
    value = getattr(case, SORTS[sort].field)
    said = value.isoformat() if isinstance(value, datetime) else value
    return signing.dumps([sort, said, case.pk, part], salt=_SALT)


def _read_cursor(text: str, *, sort: str) -> _Place:
    try:
        of, value, case_id, part = signing.loads(text, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadCursor("This page of the list does not exist.") from error
    if of != sort:
        raise BadCursor("This page belongs to the list in another order.")
    said = datetime.fromisoformat(value) if isinstance(value, str) else value
    return _Place(value=said, case_id=case_id, part=part)

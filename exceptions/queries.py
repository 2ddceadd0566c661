"""What the exception desk's pages ask: the queue, its counts, and one case with all around it."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from exceptions.rows import CaseDetail, Count, KeysetPage, RepairPreview, Row, Summary, Tab


class BadCursor(Exception):
    """The place in the list is not one we gave out."""


def queue_page(
    *,
    user: User,
    at: datetime,
    filters: list[dict[str, Any]],
    search: str = "",
    after: str = "",
    size: int = 50,
) -> KeysetPage:
    """Give one page of what `user` may see, by due time, worst first.

    `filters` are as in `SavedView.filters` (vocabulary: `exceptions.fields.FIELDS`); without one on
    `state` or `closed` only open exceptions are given. `after` is a cursor of an earlier page;
    raises BadCursor if it is not.
    """
    raise NotImplementedError


def summary(*, user: User, at: datetime, filters: list[dict[str, Any]]) -> Summary:
    """Count what a view holds, to 1,000 at most, and sum what is at risk in it."""
    raise NotImplementedError


def tabs(*, user: User, at: datetime) -> list[Tab]:
    """List the saved views that `user` sees above the queue, with their counts."""
    raise NotImplementedError


def view_filters(*, slug: str, user: User) -> list[dict[str, Any]]:
    """Give the filters of a saved view; raises SavedView.DoesNotExist."""
    raise NotImplementedError


def case_row(*, case_id: int, user: User, at: datetime) -> Row:
    """Give one row as the queue shows it; raises Case.DoesNotExist if `user` may not see it."""
    raise NotImplementedError


def case_detail(*, case_id: int, user: User, at: datetime) -> CaseDetail:
    """Give one case with all around it; raises Case.DoesNotExist if `user` may not see it."""
    raise NotImplementedError


def repair_preview(*, case_id: int, kind: str, user: User, at: datetime) -> RepairPreview:
    """Say what a repair would do now; raises Case.DoesNotExist if `user` may not see the case."""
    raise NotImplementedError


def rows_of_order(*, order_id: int, user: User, at: datetime) -> list[Row]:
    """List an order's exceptions, newest first, open and closed."""
    raise NotImplementedError


def open_count(*, user: User) -> Count:
    """Count the open exceptions that `user` may see, for the rail."""
    raise NotImplementedError

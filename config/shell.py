"""What stands round every page: the rail with its counts, the person, the preferences."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from django.contrib.auth.models import User
from django.http import HttpRequest

from config import health, pages, preferences
from exceptions import inbox, queries
from exceptions.bulk_page import waiting_count
from exceptions.permissions import roles
from reconciliation.models import Job

CAP = 1_000
_FRESH_SECONDS = 5.0
_MOST_KEPT = 1_000
_kept: dict[str, tuple[float, int]] = {}


@dataclass(frozen=True)
class Item:
    """One link of the rail."""

    key: str  # the letter after G
    name: str
    href: str
    icon: str
    is_current: bool
    count: str = ""
    counted: str = ""  # what the number counts, for those who only hear it
    problem: str = ""


@dataclass(frozen=True)
class Group:
    """Links that belong together."""

    name: str
    items: tuple[Item, ...]


class Shell:
    """The frame of one request's page; asks the database only if a template shows it."""

    def __init__(self, request: HttpRequest) -> None:
        self._path = request.path
        assert isinstance(request.user, User)
        self._user = request.user

    @cached_property
    def person(self) -> str:
        """Name the person as colleagues do."""
        return self._user.get_full_name() or self._user.get_username()

    @cached_property
    def roles(self) -> str:
        """Say the person's roles in one line."""
        return ", ".join(sorted(roles(self._user))) or "No role yet"

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """List the rail's links, with the counts that they carry."""
        items: dict[str, list[Item]] = {}
        for page in pages.pages_for(roles(self._user)):
            if page.group:
                items.setdefault(page.group, []).append(self._item(page))
        return tuple(Group(name, tuple(items[name])) for name in pages.GROUPS if name in items)

    def _item(self, page: pages.Page) -> Item:
        number, counted = self._counted(page.href)
        return Item(
            key=page.key,
            name=page.name,
            href=page.href,
            icon=page.icon,
            is_current=page.href == self._current,
            count=f"{CAP:,}+" if number >= CAP else f"{number:,}" if number else "",
            counted=counted,
            problem=_problems() if page.href == "/health/" else "",
        )

    @cached_property
    def _current(self) -> str:
        """Find the page that this one belongs to: the longest address that it begins with."""
        found = (page.href for page in pages.PAGES if self._path.startswith(page.href))
        return max(found, key=len, default="")

    def _counted(self, href: str) -> tuple[int, str]:
        """Count what waits behind a link, and say what the number counts."""
        user = self._user
        if href == "/exceptions/":
            return _recent(f"cases of {user.pk}", lambda: _open_cases(user)), "open"
        if href == "/jobs/":
            return _recent("jobs", _running_jobs), "running"
        if href == "/inbox/":  # not kept: what was just read is read
            return inbox.unread(user), "unread"
        if href == "/exceptions/bulk/":
            return _recent(f"bulk of {user.pk}", lambda: waiting_count(user=user)), "to agree to"
        return 0, ""


def shell(request: HttpRequest) -> dict[str, object]:
    """Give every template the frame and the preferences (a context processor)."""
    found: dict[str, object] = {"preferences": preferences.read(request)}
    if hasattr(request, "user") and request.user.is_authenticated:
        found["shell"] = Shell(request)
    return found


def _open_cases(user: User) -> int:
    return queries.open_count(user=user).number


def _running_jobs() -> int:
    return Job.objects.filter(state__in=["QUEUED", "RUNNING"])[: CAP + 1].count()


def _problems() -> str:
    problems = _recent("health", health.known_problems)
    return f"{problems} problem{'s' if problems > 1 else ''}" if problems else ""


def _recent(name: str, count: Callable[[], int]) -> int:
    """Keep a count for a few seconds in this process: it stands on every page."""
    at, number = _kept.get(name, (0.0, 0))
    if not at or time.monotonic() - at > _FRESH_SECONDS:
        if len(_kept) > _MOST_KEPT:
            _kept.clear()
        number = count()
        _kept[name] = (time.monotonic(), number)
    return number

"""What stands round every page: the rail with its counts, the person, the preferences."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from django.contrib.auth.models import User
from django.http import HttpRequest

from audit.views import READERS
from config import health, preferences
from exceptions import queries
from reconciliation import erasure
from reconciliation.importers import READERS as IMPORT_READERS
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
        return ", ".join(self._role_names) or (
            "Admin" if self._user.is_superuser else "No role yet"
        )

    @cached_property
    def _role_names(self) -> list[str]:
        return list(self._user.groups.order_by("name").values_list("name", flat=True))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """List the rail's links, with the counts that they carry."""
        work = (
            self._item("e", "Exceptions", "/exceptions/", "inbox", _open_cases(self._user), "open"),
            self._item("o", "Orders", "/orders/", "package"),
            *self._imports(),
            self._item("j", "Jobs", "/jobs/", "list-checks", _running_jobs(), "running"),
        )
        is_reader = self._user.is_superuser or bool(READERS & set(self._role_names))
        trail = (self._item("a", "Audit log", "/audit/", "scroll-text"),) if is_reader else ()
        sees_people = self._user.is_superuser or bool(erasure.READ & set(self._role_names))
        people = (self._item("p", "People", "/people/", "user-x"),) if sees_people else ()
        govern = (self._item("s", "Sources", "/sources/", "plug"), *trail, *people)
        see = (
            self._item("v", "Events", "/events/", "radio-tower"),
            self._item("c", "Comparisons", "/comparisons/", "git-compare"),
            self._item("m", "Metrics", "/metrics/", "chart-line"),
            self._health(),
        )
        groups = (Group("Work", work), Group("Govern", govern), Group("See", see))
        return tuple(group for group in groups if group.items)

    def _imports(self) -> tuple[Item, ...]:
        """Show imports to those who may read them."""
        may_read = self._user.is_superuser or bool(IMPORT_READERS & set(self._role_names))
        return (self._item("i", "Imports", "/imports/", "file-up"),) if may_read else ()

    def _health(self) -> Item:
        problems = _recent("health", health.known_problems)
        said = f"{problems} problem{'s' if problems > 1 else ''}" if problems else ""
        return replace(self._item("h", "System health", "/health/", "activity"), problem=said)

    def _item(
        self, key: str, name: str, href: str, icon: str, number: int = 0, counted: str = ""
    ) -> Item:
        count = f"{CAP:,}+" if number >= CAP else f"{number:,}" if number else ""
        is_current = self._path.startswith(href)
        return Item(key, name, href, icon, is_current, count, counted)


def shell(request: HttpRequest) -> dict[str, object]:
    """Give every template the frame and the preferences (a context processor)."""
    found: dict[str, object] = {"preferences": preferences.read(request)}
    if hasattr(request, "user") and request.user.is_authenticated:
        found["shell"] = Shell(request)
    return found


def _open_cases(user: User) -> int:
    return _recent(f"cases of {user.pk}", lambda: queries.open_count(user=user).number)


def _running_jobs() -> int:
    return _recent("jobs", Job.objects.filter(state__in=["QUEUED", "RUNNING"])[: CAP + 1].count)


def _recent(name: str, count: Callable[[], int]) -> int:
    """Keep a count for a few seconds in this process: it stands on every page."""
    at, number = _kept.get(name, (0.0, 0))
    if not at or time.monotonic() - at > _FRESH_SECONDS:
        if len(_kept) > _MOST_KEPT:
            _kept.clear()
        number = count()
        _kept[name] = (time.monotonic(), number)
    return number

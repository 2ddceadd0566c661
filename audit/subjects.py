"""What the trail's subjects are called and where they are shown, as their own apps say.

The trail knows a stream and a number, and imports no other app: the settings name, for each
stream, who speaks for its subjects.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import NamedTuple, Protocol

from django.conf import settings
from django.utils.module_loading import import_string


class Subject(NamedTuple):
    """One subject as people know it."""

    name: str
    href: str = ""  # empty: it has no page of its own


class Directory(Protocol):
    """Knows the subjects of one stream."""

    def named(self, ids: Collection[int]) -> Mapping[int, Subject]:
        """Name the subjects that exist among `ids`."""
        ...

    def found(self, name: str) -> int | None:
        """Find a subject by the name that people use."""
        ...


@cache
def _directories() -> dict[str, Directory]:
    return {stream: import_string(path)() for stream, path in settings.AUDIT_SUBJECTS.items()}


def named(subjects: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Subject]:
    """Name every (stream, id); one that nobody knows is called by its number."""
    wanted: dict[str, set[int]] = {}
    for stream, subject_id in subjects:
        wanted.setdefault(stream, set()).add(subject_id)
    names = {}
    for stream, ids in wanted.items():
        directory = _directories().get(stream)
        known = directory.named(ids) if directory else {}
        for subject_id in ids:
            names[stream, subject_id] = known.get(subject_id, Subject(f"{stream} {subject_id}"))
    return names


def found(name: str, *, stream: str = "") -> tuple[str, int] | None:
    """Find whom `name` means, in one stream or in any: the first that knows it."""
    for each, directory in _directories().items():
        if stream in ("", each) and (subject_id := directory.found(name)) is not None:
            return each, subject_id
    return None

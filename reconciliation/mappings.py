"""Saves column mappings: each save is a version of its own, and no version ever changes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from audit.record import record
from reconciliation.importers import check_can_import, username
from reconciliation.models import ColumnMapping, Source
from reconciliation.sources import mapping as reading

_LONGEST_NAME = 64


class CannotSave(Exception):
    """The mapping cannot be saved under this name; the message may be shown."""


@transaction.atomic
def save(
    *, source: Source, name: str, content: Mapping[str, Any], by: User | None, at: datetime
) -> ColumnMapping:
    """Save a mapping as the next version of its name; the newest again if nothing changed.

    Without `by` it was a command. Raises CannotSave, NotAllowed, mapping.BadMapping.
    """
    check_can_import(by, source)
    if not name.strip() or len(name) > _LONGEST_NAME or "@" in name:
        raise CannotSave("A mapping's name has 1 to 64 characters, and no @.")
    reading.check(content)
    Source.objects.select_for_update(no_key=True).get(pk=source.pk)
    newest = find(source=source, name=name)
    if newest and newest.content == content:
        return newest
    version = newest.version + 1 if newest else 1
    record(
        stream="source",
        subject_id=source.pk,
        action="mapping.saved",
        actor=username(by),
        at=at,
        detail={"what": f"{name} v{version}", "name": name, "version": version},
    )
    return ColumnMapping.objects.create(
        source=source, name=name, version=version, content=content, created_by=by, created_at=at
    )


def find(*, source: Source, name: str, version: int | None = None) -> ColumnMapping | None:
    """Find a version of a mapping, the newest unless another is asked for."""
    found = ColumnMapping.objects.filter(source=source, name=name)
    if version is not None:
        found = found.filter(version=version)
    return found.order_by("-version").first()

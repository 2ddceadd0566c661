"""Forgets what people wrote and attached: of one person when asked by erasure, files in time."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Model, Q
from psycopg import sql

from exceptions.models import (
    Attachment,
    Bulk,
    Case,
    Comment,
    Handoff,
    Message,
    RepairAttempt,
    Snooze,
)
from reconciliation.models import Waiver

_ERASED = "erased"
# Where people write freely. What history and the trail hold stays: nobody can change these.
_WRITTEN: Sequence[tuple[type[Model], tuple[str, ...]]] = (
    (Comment, ("text",)),
    (Attachment, ("name",)),
    (Handoff, ("reason", "answer")),
    (Case, ("close_reason",)),
    (Snooze, ("reason",)),
    (RepairAttempt, ("reason",)),
    (Bulk, ("decision_reason",)),
    (Message, ("subject", "text")),
    (Waiver, ("reason",)),
)
_REPLACE = sql.SQL(
    "UPDATE {table} SET {column} ="
    " left(regexp_replace({column}, %(words)s, %(erased)s, 'gi'), {most})"
    " WHERE {column} ~* %(words)s"
)
_LONGEST = 2**31 - 1  # of a text without a limit


def forget(*, orders: Collection[int], words: Sequence[str], at: datetime) -> None:
    """Take a person's words out of whatever was written, and drop the files on their orders' cases.

    What is in a picture cannot be searched, so every file on such a case goes; its hash stays.
    """
    kept = Attachment.objects.filter(comment__case__order__in=orders, forgotten_at__isnull=True)
    kept.update(name=_ERASED, content=None, forgotten_at=at)
    if not words:
        return
    # The longest first: a name may stand within another value.
    some = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    any_of = rf"(?<!\w)(?:{some})(?!\w)"  # Mark, and not what is marked
    for model, names in _WRITTEN:
        for name in names:
            _replace(model, name, any_of)


def drop_files(*, limit: int, at: datetime) -> int:
    """Drop the bytes of files whose exception was closed long ago; says how many. Hashes stay."""
    before = at - timedelta(days=settings.FILES_KEPT_DAYS)
    done = Q(comment__case__closed_at__lt=before, comment__at__lt=before)
    found = Attachment.objects.filter(done, forgotten_at__isnull=True).order_by("pk")
    ids = list(found.values_list("pk", flat=True)[:limit])
    return Attachment.objects.filter(pk__in=ids).update(content=None, forgotten_at=at)


def _replace(model: type[Model], name: str, any_of: str) -> None:
    field = model._meta.get_field(name)
    statement = _REPLACE.format(
        table=sql.Identifier(model._meta.db_table),
        column=sql.Identifier(name),
        most=sql.Literal(getattr(field, "max_length", None) or _LONGEST),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, {"words": any_of, "erased": _ERASED})

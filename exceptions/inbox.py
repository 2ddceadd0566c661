"""Reads a person's inbox: what they were told, how it went out, what they have not read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Prefetch

from exceptions.messages import INBOX
from exceptions.models import Message

SIZE = 50
_MOST_COUNTED = 100


@dataclass(frozen=True)
class Line:
    """One message, as its reader sees it."""

    id: int
    subject: str
    text: str
    at: datetime
    case_id: int | None
    href: str
    is_read: bool
    outside: str  # "E-mail: sent", "Slack: failed after 5 tries"


@dataclass(frozen=True)
class Page:
    """One page of an inbox; `older` names the place after it, 0 at the end."""

    lines: list[Line]
    older: int
    unread: int
    unread_text: str


def page_of(user: User, *, before: int = 0, only_unread: bool = False) -> Page:
    """Give one page, newest first."""
    found = Message.objects.filter(recipient=user, channel=INBOX)
    if only_unread:
        found = found.filter(read_at__isnull=True)
    if before:
        found = found.filter(pk__lt=before)
    copies = Prefetch("copies", queryset=Message.objects.select_related("via"))
    kept = list(found.prefetch_related(copies).order_by("-pk")[: SIZE + 1])
    number = unread(user)
    return Page(
        lines=[_line(each) for each in kept[:SIZE]],
        older=kept[SIZE - 1].pk if len(kept) > SIZE else 0,
        unread=number,
        unread_text=f"{_MOST_COUNTED}+" if number > _MOST_COUNTED else f"{number}",
    )


def unread(user: User) -> int:
    """Count what a person has not read, to a hundred and one."""
    waiting = Message.objects.filter(recipient=user, channel=INBOX, read_at__isnull=True)
    return waiting[: _MOST_COUNTED + 1].count()


def mark_read(*, user: User, ids: Collection[int] | None, at: datetime) -> int:
    """Mark a person's own messages as read, all of them if `ids` is None; says how many."""
    waiting = Message.objects.filter(recipient=user, channel=INBOX, read_at__isnull=True)
    if ids is not None:
        waiting = waiting.filter(pk__in=ids)
    return waiting.update(read_at=at)


def _line(message: Message) -> Line:
    return Line(
        id=message.pk,
        subject=message.subject,
        text=message.text,
        at=message.created_at,
        case_id=message.case_id,
        href=message.href,
        is_read=message.read_at is not None,
        outside=" · ".join(_outcome(copy) for copy in message.copies.all()),
    )


def _outcome(copy: Message) -> str:
    """Say how a message went out."""
    name = copy.via.name if copy.via else "E-mail"
    if copy.state == Message.State.SENT:
        return f"{name}: sent"
    if copy.state == Message.State.FAILED:
        return f"{name}: failed. {copy.error}"
    return f"{name}: waits{f'. Last try: {copy.error}' if copy.error else ''}"

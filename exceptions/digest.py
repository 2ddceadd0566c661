"""Writes the morning digest: once a business day, at the hour that a person wants it."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from exceptions import messages, preferences
from exceptions.models import Case, Message, NotificationPreference
from reconciliation import one_by_one

_DAY = timedelta(days=1)
_SHOWN = 10


def take(*, limit: int, at: datetime) -> int:
    """Write up to `limit` digests that are due; says how many."""
    due = NotificationPreference.objects.filter(digest_next_at__lte=at)
    ids = one_by_one.line_up(due.order_by("digest_next_at"), stage="digest", limit=limit)
    return one_by_one.do(stage="digest", ids=ids, each=lambda pk: _write(pk, at=at))


@transaction.atomic
def _write(preference_id: int, *, at: datetime) -> bool:
    """Leave one digest and set when the next is due, together: none is lost or comes twice."""
    chosen = (
        NotificationPreference.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("user")
        .filter(pk=preference_id, digest_next_at__lte=at)
        .first()
    )
    if chosen is None:
        return False
    chosen.digest_next_at = preferences.next_digest(chosen, at=at)
    chosen.save(update_fields=["digest_next_at"])
    if chosen.user.is_active:
        subject, text = _said(chosen.user, at=at)
        messages.address([chosen.user], subject=subject, text=text, severity="", at=at)
    return True


def _said(person: User, *, at: datetime) -> tuple[str, str]:
    """Say what waits for a person this morning."""
    mine = Case.objects.filter(owner=person, closed_at__isnull=True)
    over = mine.filter(resolve_due_at__lt=at).count()
    today = mine.filter(resolve_due_at__gte=at, resolve_due_at__lt=at + _DAY).count()
    unread = Message.objects.filter(recipient=person, channel=messages.INBOX, read_at__isnull=True)
    subject = f"Your morning: {mine.count()} open, {over} over SLA, {today} due within 24 h"
    newest = unread.exclude(case=None).order_by("-pk").values_list("subject", flat=True)[:_SHOWN]
    lines = [f"{unread.count()} unread in your inbox.", *(f"- {each}" for each in newest)]
    return subject, "\n".join(lines)

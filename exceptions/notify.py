"""Sends messages that are due over the installation's channels, and keeps what came of each."""

from datetime import datetime, timedelta
from urllib.parse import quote

import apprise
from django.conf import settings
from django.db import transaction

from exceptions.models import Message

_DELAYS = tuple(timedelta(seconds=s) for s in (30, 120, 600, 3_600))
_MOST_TRIES = 5
_LEASE = timedelta(minutes=2)


def take(*, limit: int, at: datetime) -> int:
    """Send up to `limit` messages; says how many were tried."""
    for count in range(limit):
        message = _claim(at=at)
        if message is None:
            return count
        _note(message, error=_send(message), at=at)
    return limit


@transaction.atomic
def _claim(*, at: datetime) -> Message | None:
    """Count the try and hide the message from others before anything is sent."""
    message = (
        Message.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("recipient")
        .filter(state=Message.State.DUE, next_attempt_at__lte=at)
        .order_by("next_attempt_at", "pk")
        .first()
    )
    if message is not None:
        message.attempts += 1
        message.next_attempt_at = at + _LEASE
        message.save(update_fields=["attempts", "next_attempt_at"])
    return message


def _send(message: Message) -> str:
    """Send one message outside any transaction; gives what went wrong, "" if nothing did."""
    address = message.recipient.email
    urls = [url.replace("{email}", quote(address, safe="@")) for url in settings.NOTIFY_URLS]
    if not urls:
        return "No outside channel is set up."
    if not address and any("{email}" in url for url in settings.NOTIFY_URLS):
        return f"{message.recipient.get_username()} has no e-mail address."
    channels = apprise.Apprise()
    unknown = [url.split("://", maxsplit=1)[0] for url in urls if not channels.add(url)]
    if unknown:
        return f"Not a channel that apprise knows: {', '.join(unknown)}."
    is_sent = channels.notify(title=message.subject, body=message.text)
    return "" if is_sent else "The channel did not take it."


@transaction.atomic
def _note(message: Message, *, error: str, at: datetime) -> None:
    """Keep the outcome; after the last try the message in the inbox is all there is."""
    message.error = error
    if not error:
        message.state, message.sent_at, message.next_attempt_at = Message.State.SENT, at, None
    elif message.attempts >= _MOST_TRIES:
        message.state, message.next_attempt_at = Message.State.FAILED, None
    else:
        message.next_attempt_at = at + _DELAYS[min(message.attempts, len(_DELAYS)) - 1]
    message.save(update_fields=["state", "sent_at", "next_attempt_at", "error"])

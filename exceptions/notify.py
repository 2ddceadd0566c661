"""Sends messages that are due, keeps every try, and falls back to the next way when one fails."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from django.conf import settings
from django.db import transaction

from exceptions import outward, preferences
from exceptions.models import Channel, Message, MessageAttempt

_DELAYS = tuple(timedelta(seconds=s) for s in (30, 120, 600, 3_600))
_MOST_TRIES = 5  # on one way, before the next is tried
_MOST_TRIES_URGENT = 2
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
        .select_related("recipient", "via")
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
    said = {"subject": message.subject, "text": message.text}
    if message.via is not None:
        if message.via.removed_at is not None:
            return "The channel was removed."
        return outward.send([address_of(message.via)], is_guarded=True, **said)
    return _mail(message) or outward.send(_urls(message), is_guarded=False, **said)


def address_of(channel: Channel) -> str:
    """Give a channel's address, to be sent to and nothing else."""
    return outward.reveal(channel.ciphertext, owner=owner_of(channel))


def owner_of(channel: Channel) -> str:
    """Name whose a channel is: "person 7", "team 2"."""
    if channel.person_id is not None:
        return f"person {channel.person_id}"
    return f"team {channel.team_id}"


def _mail(message: Message) -> str:
    """Say why the installation's channel cannot reach this person; "" if it can."""
    person = message.recipient
    assert person is not None
    if not settings.NOTIFY_URLS:
        return "No outside channel is set up."
    if not person.email and any("{email}" in url for url in settings.NOTIFY_URLS):
        return f"{person.get_username()} has no e-mail address."
    return ""


def _urls(message: Message) -> list[str]:
    assert message.recipient is not None
    email = quote(message.recipient.email, safe="@")
    return [url.replace("{email}", email) for url in settings.NOTIFY_URLS]


@transaction.atomic
def _note(message: Message, *, error: str, at: datetime) -> None:
    """Keep what came of a try; after the last on one way the next begins at once."""
    way = str(message.via_id) if message.via_id else preferences.MAIL
    name = message.via.name if message.via else "E-mail"
    MessageAttempt.objects.create(message=message, at=at, way=way, way_name=name, error=error)
    message.error = error
    most = _MOST_TRIES_URGENT if message.severity == preferences.URGENT else _MOST_TRIES
    if not error:
        message.state, message.sent_at, message.next_attempt_at = Message.State.SENT, at, None
    elif message.attempts < most:
        message.next_attempt_at = at + _DELAYS[min(message.attempts, len(_DELAYS)) - 1]
    elif following := _following(message):
        message.via, message.channel = following.channel, "own" if following.channel else "mail"
        message.attempts, message.next_attempt_at = 0, at
    else:
        message.state, message.next_attempt_at = Message.State.FAILED, None
    _mark(way, error=error, at=at)
    message.save(
        update_fields=[
            "state", "sent_at", "next_attempt_at", "error", "via", "channel", "attempts",
        ]
    )  # fmt: skip


def _mark(way: str, *, error: str, at: datetime) -> None:
    """Say on a channel how its newest try went, for whoever keeps it."""
    if way != preferences.MAIL:
        Channel.objects.filter(pk=int(way)).update(failed_at=at if error else None, error=error)


def _following(message: Message) -> preferences.Way | None:
    """Find the first way that this message has not been tried on."""
    person = message.recipient
    if person is None:
        return None
    chosen = preferences.preferences_of([person])[person.pk]
    order: Sequence[preferences.Way] = preferences.order_of(
        preferences.ways_of([person])[person.pk], chosen=chosen, severity=message.severity
    )
    tried = set(message.tries.values_list("way", flat=True))
    return next((way for way in order if way.key not in tried), None)

"""Adds, tries and removes the channels of people and teams, and keeps how each wants to be told."""

from datetime import datetime, time
from zoneinfo import available_timezones

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from audit.record import record
from exceptions import outward, preferences
from exceptions.models import Case, Channel, NotificationPreference
from exceptions.permissions import ADMIN, NotAllowed, roles
from reconciliation.models import Membership, Team

_MOST = 10  # channels of one owner
_LONGEST_NAME, _LONGEST_ADDRESS = 64, 1_000


class CannotKeep(Exception):
    """It cannot be kept as asked; the message may be shown."""


def teams_led_by(user: User) -> QuerySet[Team]:
    """Give the teams whose channels `user` keeps: those they lead; an Admin keeps all."""
    if ADMIN in roles(user):
        return Team.objects.order_by("name")
    led = Membership.objects.filter(user=user, is_lead=True)
    return Team.objects.filter(pk__in=led.values("team")).order_by("name")


def kept_by(user: User) -> QuerySet[Channel]:
    """Give the channels that `user` may change: their own, and those of the teams they lead."""
    mine = Q(person=user) | Q(team__in=teams_led_by(user).values("pk"))
    return Channel.objects.filter(mine, removed_at__isnull=True).order_by("pk")


@transaction.atomic
def add(*, name: str, address: str, by: User, at: datetime, team: Team | None = None) -> Channel:
    """Keep a channel of `by`, or of a team they lead; its address is never shown again.

    Raises CannotKeep, NotAllowed.
    """
    if team is not None and not teams_led_by(by).filter(pk=team.pk).exists():
        raise NotAllowed(f"Needs a lead of {team.name}. Nothing changed.")
    name, address = name.strip(), address.strip()
    if not 0 < len(name) <= _LONGEST_NAME or len(address) > _LONGEST_ADDRESS:
        raise CannotKeep("Give it a name of 1 to 64 characters. Nothing changed.")
    try:
        scheme = outward.check(address)
    except outward.BadAddress as refusal:
        raise CannotKeep(f"{refusal} Nothing changed.") from refusal
    owner = f"team {team.pk}" if team else f"person {by.pk}"
    person = None if team else by
    if Channel.objects.filter(person=person, team=team, removed_at=None).count() >= _MOST:
        raise CannotKeep(f"There are {_MOST} already; remove one first. Nothing changed.")
    channel = Channel.objects.create(
        name=name,
        scheme=scheme,
        ciphertext=outward.keep_secret(address, owner=owner),
        person=person,
        team=team,
        created_at=at,
        created_by=by.username,
    )
    _record(channel, "channel.added", by=by, at=at)
    return channel


@transaction.atomic
def remove(*, channel_id: int, by: User, at: datetime) -> Channel:
    """Stop using a channel and forget its address; raises Channel.DoesNotExist if it is not theirs.

    What it was chosen for goes by the next way.
    """
    channel = kept_by(by).select_for_update(of=("self",)).get(pk=channel_id)
    channel.removed_at, channel.ciphertext = at, b""
    channel.save(update_fields=["removed_at", "ciphertext"])
    _record(channel, "channel.removed", by=by, at=at)
    return channel


def choose(
    *,
    by: User,
    by_severity: dict[str, str],
    time_zone: str,
    quiet: tuple[time, time] | None,
    digest_at: time | None,
    at: datetime,
) -> NotificationPreference:
    """Keep how `by` wants to be told. Raises CannotKeep."""
    ways = {preferences.MAIL, *(str(pk) for pk in kept_by(by).values_list("pk", flat=True))}
    for severity, wanted in by_severity.items():
        allowed = ways if severity == preferences.URGENT else ways | _QUIETLY
        if severity not in Case.Severity.values or wanted not in allowed:
            raise CannotKeep(f"Choose from the list how you hear of {severity}. Nothing changed.")
    if time_zone not in available_timezones():
        raise CannotKeep(
            "Choose a time zone from the list, such as Europe/Berlin. Nothing changed."
        )
    if preferences.DIGEST in by_severity.values() and digest_at is None:
        raise CannotKeep("Say at what hour the morning digest comes. Nothing changed.")
    return _choose(by, by_severity, time_zone, quiet, digest_at, at=at)


_QUIETLY = {preferences.INBOX, preferences.DIGEST}


@transaction.atomic
def _choose(
    by: User,
    by_severity: dict[str, str],
    time_zone: str,
    quiet: tuple[time, time] | None,
    digest_at: time | None,
    *,
    at: datetime,
) -> NotificationPreference:
    chosen = NotificationPreference.objects.select_for_update().filter(user=by).first()
    chosen = chosen or NotificationPreference(user=by)
    chosen.by_severity, chosen.time_zone = by_severity, time_zone
    chosen.quiet_from, chosen.quiet_to = quiet or (None, None)
    chosen.digest_at = digest_at
    chosen.digest_next_at = preferences.next_digest(chosen, at=at)
    chosen.save()
    record(
        stream="access",
        subject_id=by.pk,
        action="notifications.chosen",
        actor=by.username,
        at=at,
        detail={"by_severity": by_severity, "quiet": quiet is not None, "digest": str(digest_at)},
    )
    return chosen


def _record(channel: Channel, action: str, *, by: User, at: datetime) -> None:
    record(
        stream="access",
        subject_id=by.pk,
        action=action,
        actor=by.username,
        at=at,
        detail={
            "channel": channel.pk,
            "name": channel.name,
            "scheme": channel.scheme,
            "team": channel.team.slug if channel.team else "",
        },
    )

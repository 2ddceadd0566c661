"""Decides how a person is told: over which channels in which order, when, or in the morning."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User

from exceptions.models import Case, Channel, NotificationPreference
from exceptions.sla import hours_of
from reconciliation.models import Membership
from reconciliation.working_time import BusinessHours

INBOX, DIGEST, MAIL = "inbox", "digest", "mail"
URGENT = Case.Severity.P1
_WEEK = frozenset({1, 2, 3, 4, 5})
_LONGEST_REST = 31  # days without a working day, at most


@dataclass(frozen=True)
class Way:
    """One way to reach a person outside: the installation's mail, or a channel of their own."""

    key: str  # mail, or the channel's id
    name: str
    channel: Channel | None = None


def preferences_of(people: Collection[User]) -> dict[int, NotificationPreference]:
    """Read what people have chosen; who has not has what everyone begins with."""
    kept = {each.user_id: each for each in NotificationPreference.objects.filter(user__in=people)}
    return {each.pk: kept.get(each.pk) or NotificationPreference(user=each) for each in people}


def ways_of(people: Collection[User]) -> dict[int, list[Way]]:
    """List the ways to reach each of these people."""
    mail = [Way(MAIL, "E-mail")] if settings.NOTIFY_URLS else []
    found = {person.pk: list(mail) for person in people}
    own = Channel.objects.filter(person__in=people, removed_at__isnull=True).order_by("pk")
    for channel in own:
        assert channel.person_id is not None
        found[channel.person_id].append(Way(str(channel.pk), channel.name, channel))
    return found


def order_of(ways: Sequence[Way], *, chosen: NotificationPreference, severity: str) -> list[Way]:
    """Put ways in the order in which they are tried: the chosen one, then what is left.

    None for what a person wants in the inbox or in the morning only; a P1 always goes out.
    """
    wanted = chosen.by_severity.get(severity, MAIL)
    if wanted in (INBOX, DIGEST) and severity != URGENT:
        return []
    return sorted(ways, key=lambda way: way.key != wanted)


def quiet_until(chosen: NotificationPreference, *, at: datetime) -> datetime:
    """Say when a person may be disturbed: now, or when their quiet hours end."""
    begins, ends = chosen.quiet_from, chosen.quiet_to
    if begins is None or ends is None or begins == ends:
        return at
    local = at.astimezone(ZoneInfo(chosen.time_zone))
    now = local.time()
    is_overnight = begins > ends
    is_quiet = (now >= begins or now < ends) if is_overnight else begins <= now < ends
    if not is_quiet:
        return at
    day = local.date() + timedelta(days=1 if is_overnight and now >= begins else 0)
    return _moment(day, ends, chosen)


def next_digest(chosen: NotificationPreference, *, at: datetime) -> datetime | None:
    """Find the next morning of a business day on which a person wants their digest."""
    if chosen.digest_at is None:
        return None
    hours = _working_week(chosen)
    day = at.astimezone(ZoneInfo(chosen.time_zone)).date()
    for _ in range(_LONGEST_REST):
        moment = _moment(day, chosen.digest_at, chosen)
        if hours.is_work(day) and moment > at:
            return moment
        day += timedelta(days=1)
    return None


def _working_week(chosen: NotificationPreference) -> BusinessHours:
    """Take the working days of the person's first team; Monday to Friday without one."""
    member = Membership.objects.filter(user=chosen.user_id).select_related("team__calendar")
    first = member.order_by("pk").first()
    if first is None:
        return BusinessHours(chosen.time_zone, time.min, time.max, _WEEK)
    return hours_of(first.team.calendar)


def _moment(day: date, hour: time, chosen: NotificationPreference) -> datetime:
    return datetime.combine(day, hour, ZoneInfo(chosen.time_zone)).astimezone(ZoneInfo("UTC"))

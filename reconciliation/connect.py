"""Connects outside systems: makes their source and the secret that signs their messages."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction

from audit.record import record
from reconciliation.models import Source, Team
from reconciliation.sources import FORMATS, keys

# kind → the event types that such a system is believed for, unless it is said otherwise
TRUTH_BY_KIND = {
    "crm": (),
    "shop": ("order.",),
    "payments": ("payment.authorised", "payment.captured", "payment.failed", "payment.refunded"),
    "billing": ("invoice.", "credit_note.", "payment.posted"),
    "carrier": ("shipment.",),
    "subscriptions": ("subscription.",),
    "marketplace": ("order.", "payout."),
    "bank": ("settlement.", "payout."),
}
_LONGEST_SLUG, _LONGEST_NAME = 50, 64
_SHORTEST_SECRET, _LONGEST_SECRET = 8, 512


class CannotConnect(Exception):
    """The source cannot be made as asked; the message may be shown."""


@transaction.atomic
def connect(
    *,
    slug: str,
    name: str,
    kind: str,
    team_slug: str,
    by: str,
    at: datetime,
    truth_for: Sequence[str] | None = None,
    writeback_url: str = "",
) -> str:
    """Make a source and give its secret, `whsec_…`, which is never shown again.

    `by` is a username or `service:<module>`. Without `truth_for`, its kind says what it is
    believed for. Raises CannotConnect.
    """
    _check(slug=slug, name=name, kind=kind, writeback_url=writeback_url)
    source = Source(
        slug=slug,
        name=name,
        kind=kind,
        owner_team=_team(team_slug),
        truth_for=list(TRUTH_BY_KIND[kind] if truth_for is None else truth_for),
        writeback_url=writeback_url,
    )
    _save(source, by=by, at=at)
    return keys.add(source=source, at=at)


@transaction.atomic
def connect_native(
    *,
    slug: str,
    name: str,
    format_name: str,
    secret: str,
    team_slug: str,
    by: str,
    at: datetime,
    truth_for: Sequence[str] | None = None,
) -> Source:
    """Make a source that posts in its system's own format, signed with that system's `secret`.

    Without `truth_for`, the format says what it is believed for: of what is added up it tells
    nothing else. Raises CannotConnect.
    """
    spoken = FORMATS.get(format_name)
    if spoken is None or spoken.is_secret_ours:
        known = ", ".join(each.name for each in FORMATS.values() if not each.is_secret_ours)
        raise CannotConnect(f"The format is one of {known}.")
    _check(slug=slug, name=name, kind=spoken.kind, writeback_url="")
    source = Source(
        slug=slug,
        name=name,
        kind=spoken.kind,
        owner_team=_team(team_slug),
        truth_for=list(spoken.truth if truth_for is None else truth_for),
        signing_scheme=spoken.name,
    )
    _save(source, by=by, at=at)
    keys.add_given(source=source, secret=checked_secret(secret), at=at)
    return source


def checked_secret(secret: str) -> str:
    """Give an outside system's secret as it signs with it. Raises CannotConnect."""
    given = secret.strip()
    if not _SHORTEST_SECRET <= len(given) <= _LONGEST_SECRET or not given.isprintable():
        raise CannotConnect(
            f"The secret has {_SHORTEST_SECRET} to {_LONGEST_SECRET} characters, each of them"
            " printable."
        )
    return given


def _team(slug: str) -> Team:
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        known = ", ".join(Team.objects.order_by("slug").values_list("slug", flat=True))
        raise CannotConnect(f"There is no team {slug!r}; there are: {known or 'none'}.")
    return team


def _save(source: Source, *, by: str, at: datetime) -> None:
    source.listening_since = at
    source.save()
    record(
        stream="source",
        subject_id=source.pk,
        action="source.connected",
        actor=by,
        at=at,
        detail={
            "slug": source.slug,
            "name": source.name,
            "kind": source.kind,
            "signing_scheme": source.signing_scheme,
            "writeback_url": source.writeback_url,
        },
    )


def check_writeback_url(url: str) -> None:
    """Raise CannotConnect unless `url` is a full address, or empty."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise CannotConnect("The write-back address cannot be read.") from error
    if url and not (parts.scheme in {"http", "https"} and parts.hostname):
        raise CannotConnect("The write-back address is a full http or https address.")


def _check(*, slug: str, name: str, kind: str, writeback_url: str) -> None:
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise CannotConnect("The slug may hold letters, digits, - and _ only.") from error
    if len(slug) > _LONGEST_SLUG or not 0 < len(name) <= _LONGEST_NAME:
        raise CannotConnect("The slug takes 50 characters at most, the name 1 to 64.")
    if kind not in TRUTH_BY_KIND:
        raise CannotConnect(f"The kind is one of {', '.join(sorted(TRUTH_BY_KIND))}.")
    check_writeback_url(writeback_url)
    if Source.objects.filter(slug=slug).exists() or Source.objects.filter(name=name).exists():
        raise CannotConnect(f"There is a source {slug!r} or named {name!r} already.")

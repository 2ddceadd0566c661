"""Connects outside systems: makes their source and the secret that signs their messages."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction

from audit.record import record
from reconciliation.models import Source, Team
from reconciliation.sources import keys

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
    team = Team.objects.filter(slug=team_slug).first()
    if team is None:
        known = ", ".join(Team.objects.order_by("slug").values_list("slug", flat=True))
        raise CannotConnect(f"There is no team {team_slug!r}; there are: {known or 'none'}.")
    source = Source(
        slug=slug,
        name=name,
        kind=kind,
        owner_team=team,
        truth_for=list(TRUTH_BY_KIND[kind] if truth_for is None else truth_for),
        writeback_url=writeback_url,
    )
    source.save()
    record(
        stream="source",
        subject_id=source.pk,
        action="source.connected",
        actor=by,
        at=at,
        detail={"slug": slug, "name": name, "kind": kind, "writeback_url": writeback_url},
    )
    return keys.add(source=source, at=at)


def _check(*, slug: str, name: str, kind: str, writeback_url: str) -> None:
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise CannotConnect("The slug may hold letters, digits, - and _ only.") from error
    if len(slug) > _LONGEST_SLUG or not 0 < len(name) <= _LONGEST_NAME:
        raise CannotConnect("The slug takes 50 characters at most, the name 1 to 64.")
    if kind not in TRUTH_BY_KIND:
        raise CannotConnect(f"The kind is one of {', '.join(sorted(TRUTH_BY_KIND))}.")
    parts = urlsplit(writeback_url)
    if writeback_url and not (parts.scheme in {"http", "https"} and parts.hostname):
        raise CannotConnect("The write-back address is a full http or https address.")
    if Source.objects.filter(slug=slug).exists() or Source.objects.filter(name=name).exists():
        raise CannotConnect(f"There is a source {slug!r} or named {name!r} already.")

"""Opens and clears the discrepancies that stages of the flow find, and records waivers.

Checks of orders go through `reconcile`, a set at a time; these are for one subject.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction

from audit.record import record
from reconciliation import rulebook
from reconciliation.models import (
    Discrepancy,
    Event,
    Order,
    Recheck,
    RejectedEvent,
    Source,
    Team,
    Waiver,
    WriteBack,
)

_ACTOR = "service:reconcile"
_SUBJECTS = ("order_id", "event_id", "rejection_id", "writeback_id", "source_id")
Subject = Order | Event | RejectedEvent | WriteBack | Source


class OpenAnew(Exception):
    """The check is open on this subject as another discrepancy."""


# The partial unique index of the subject's column is the lock: two stages that find the same
# thing at once make one row. `xmax = 0` tells a new row from one that was there.
_OPEN = """
INSERT INTO reconciliation_discrepancy (
    check_name, rulebook_version, {column}, team_id, expected_minor, actual_minor,
    at_risk_minor, currency, details, opened_at, last_seen_at
) VALUES (
    %(check_name)s, %(rulebook_version)s, %(subject_id)s, %(team_id)s, %(expected_minor)s,
    %(actual_minor)s, %(at_risk_minor)s, %(currency)s, %(details)s::jsonb, %(at)s, %(at)s
)
ON CONFLICT (check_name, {column}) WHERE cleared_at IS NULL AND {column} IS NOT NULL
DO UPDATE SET
    last_seen_at = GREATEST(reconciliation_discrepancy.last_seen_at, excluded.last_seen_at)
RETURNING id, xmax = 0 AS is_new
"""


@transaction.atomic
def open_for(  # noqa: PLR0913 - the row's own columns
    *,
    check_name: str,
    at: datetime,
    order: Order | None = None,
    event: Event | None = None,
    rejection: RejectedEvent | None = None,
    writeback: WriteBack | None = None,
    source: Source | None = None,
    details: Mapping[str, Any] | None = None,
    at_risk_minor: int = 0,
    currency: str = "",
    expected_minor: int | None = None,
    actual_minor: int | None = None,
) -> Discrepancy:
    """Open the discrepancy of one check on one subject, or move `last_seen_at` while it is open.

    Give exactly one subject. The team is the check's default in the live rulebook.
    """
    column, subject = _subject(
        order=order, event=event, rejection=rejection, writeback=writeback, source=source
    )
    rules = rulebook.live()
    check = rules.check(check_name)
    with connection.cursor() as cursor:
        cursor.execute(
            _OPEN.format(column=column),
            {
                "check_name": check_name,
                "rulebook_version": rules.number,
                "subject_id": subject.pk,
                "team_id": Team.objects.values_list("pk", flat=True).get(slug=check.team),
                "expected_minor": expected_minor,
                "actual_minor": actual_minor,
                "at_risk_minor": max(at_risk_minor, 0),
                "currency": currency,
                "details": json.dumps(dict(details or {}), default=str),
                "at": at,
            },
        )
        discrepancy_id, is_new = cursor.fetchone()
    found = Discrepancy.objects.get(pk=discrepancy_id)
    if is_new:
        _record(found, action="discrepancy.opened", check=check, at=at)
    return found


@transaction.atomic
def clear(
    *,
    check_name: str,
    at: datetime,
    order: Order | None = None,
    event: Event | None = None,
    rejection: RejectedEvent | None = None,
    writeback: WriteBack | None = None,
    source: Source | None = None,
) -> bool:
    """Clear the open discrepancy of one check on one subject; says whether there was one."""
    column, subject = _subject(
        order=order, event=event, rejection=rejection, writeback=writeback, source=source
    )
    found = (
        Discrepancy.objects.select_for_update()
        .filter(check_name=check_name, cleared_at__isnull=True, **{column: subject.pk})
        .first()
    )
    if found is None:
        return False
    check = rulebook.live().check(check_name)
    _record(found, action="discrepancy.cleared", check=check, at=at)
    found.cleared_at = at
    found.save(update_fields=["cleared_at"])
    return True


@transaction.atomic
def waive(*, discrepancy_id: int, reason: str, by: User, at: datetime) -> Waiver:
    """Take a person's word that a broken check is fine for its order, while the values stay.

    The order is judged again at once, which clears the discrepancy. Only an order's check can be
    waived: raises Discrepancy.DoesNotExist for any other subject, or if it is cleared.
    """
    found = Discrepancy.objects.get(pk=discrepancy_id, order__isnull=False, cleared_at__isnull=True)
    assert found.order_id is not None
    order = Order.objects.select_for_update(no_key=True).get(pk=found.order_id)
    Waiver.objects.filter(check_name=found.check_name, order=order, lapsed_at__isnull=True).update(
        lapsed_at=at
    )
    record(
        stream="order",
        subject_id=order.pk,
        action="discrepancy.waived",
        actor=by.username,
        at=at,
        reason=reason,
        rulebook_version=found.rulebook_version,
        detail={"check": found.check_name, "discrepancy": found.pk, "compared": found.details},
    )
    waiver = Waiver.objects.create(
        check_name=found.check_name,
        order=order,
        values_sha256=values_sha256(discrepancy_id=found.pk),
        reason=reason,
        by=by,
        at=at,
    )
    Recheck.objects.update_or_create(order=order, defaults={"due_at": at, "reason": "waived"})
    return waiver


@transaction.atomic
def take_up_again(*, discrepancy_id: int, at: datetime) -> None:
    """Take a waiver back: the discrepancy is open again until its order is judged, at once.

    Raises OpenAnew if the check has broken again meanwhile and is open as another discrepancy.
    """
    given = Discrepancy.objects.values_list("order_id", "check_name")
    order_id, check_name = given.get(pk=discrepancy_id)
    if order_id is not None:  # locked first, as a pass over the order does
        order = Order.objects.select_for_update(no_key=True).get(pk=order_id)
        Waiver.objects.filter(check_name=check_name, order=order, lapsed_at__isnull=True).update(
            lapsed_at=at
        )
        Recheck.objects.update_or_create(order=order, defaults={"due_at": at, "reason": "waived"})
    found = Discrepancy.objects.select_for_update().get(pk=discrepancy_id)
    if found.cleared_at is None:
        return
    same = Discrepancy.objects.filter(check_name=check_name, cleared_at__isnull=True)
    subject = {name: getattr(found, name) for name in _SUBJECTS}
    if same.filter(**{name: key for name, key in subject.items() if key is not None}).exists():
        raise OpenAnew(f"{found} is open anew.")
    found.cleared_at = None
    found.save(update_fields=["cleared_at"])


def values_sha256(*, discrepancy_id: int) -> str:
    """Hash what a discrepancy compared, as `reconcile` hashes it when it looks for waivers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT encode(sha256(convert_to(details::text, 'UTF8')), 'hex')"
            " FROM reconciliation_discrepancy WHERE id = %s",
            [discrepancy_id],
        )
        (digest,) = cursor.fetchone()
    assert isinstance(digest, str)
    return digest


def _subject(**subjects: Subject | None) -> tuple[str, Subject]:
    """Give the column and the row of the one subject that is not None."""
    given = [(f"{name}_id", subject) for name, subject in subjects.items() if subject is not None]
    assert len(given) == 1, f"a discrepancy has exactly one subject, not {len(given)}"
    return given[0]


def _record(found: Discrepancy, *, action: str, check: rulebook.Check, at: datetime) -> None:
    """Record it on its subject's trail; an event's own row is its audit.

    The caller holds the lock of the order, the write-back or the source.
    """
    streams = (
        ("order", found.order_id), ("writeback", found.writeback_id), ("source", found.source_id)
    )  # fmt: skip
    stream, subject_id = next((each for each in streams if each[1] is not None), ("", None))
    if subject_id is None:
        return
    record(
        stream=stream,
        subject_id=subject_id,
        action=action,
        actor=_ACTOR,
        at=at,
        reason=check.title,
        rulebook_version=found.rulebook_version,
        detail={"check": check.name, "discrepancy": found.pk, "compared": found.details},
    )

"""Erases a person: destroys the key to their fields, and every copy of these that is kept.

Facts, entries and the trail stay, under the pseudonym. Nobody is erased who is under a hold, or
whose orders still disagree.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.module_loading import import_string

from audit.record import record
from reconciliation import people
from reconciliation.models import (
    Discrepancy,
    Event,
    EventConflict,
    ImportFile,
    ImportFilePart,
    Installation,
    Order,
    OrderDetail,
    RejectedEvent,
    SubjectData,
    UnusedMessage,
    UploadItem,
    UploadRow,
)
from reconciliation.sql import load

READ = frozenset({"Platform owner", "Admin", "Auditor"})
_MAY = frozenset({"Platform owner", "Admin"})
_ERASED = "erased"
_TELLING = re.compile(r"@|\d\W*[^\W\d]|[^\W\d]\W*\d")  # an address, a street with its number
_SHORTEST = 4  # letters of a value that is looked for everywhere: a shorter one is in any text


class NotAllowed(Exception):
    """This person may not do this; the message may be shown to them."""


class CannotErase(Exception):
    """The person cannot be erased, or held, now; the message may be shown. Nothing changed."""


@dataclass(frozen=True)
class Held:
    """What is held of one person; never the values themselves."""

    id: int
    key: str
    fields: tuple[str, ...]  # names of what is stored under their key
    orders: tuple[str, ...]
    open_orders: tuple[str, ...]  # those that disagree now
    events: int
    with_bytes: int
    held_at: datetime | None
    held_reason: str
    erased_at: datetime | None


def check_reads(by: User) -> None:
    """Raise NotAllowed unless `by` may see what is held of people."""
    _check(by, READ, "Needs Platform owner, Admin or Auditor.")


def refusal(by: User) -> str:
    """Say why `by` may not erase or hold; "" if they may."""
    if by.is_superuser or by.groups.filter(name__in=_MAY).exists():
        return ""
    return "Needs Platform owner or Admin."


def find(*, text: str, by: User) -> int | None:
    """Find a person by the key their source gives them, or by the pseudonym."""
    check_reads(by)
    key = people.pseudonym(text.strip())
    return SubjectData.objects.filter(key=key).values_list("pk", flat=True).first()


def held_of(*, subject_id: int, by: User) -> Held:
    """Tell what is held of a person; raises SubjectData.DoesNotExist."""
    check_reads(by)
    subject = SubjectData.objects.get(pk=subject_id)
    orders = _orders(subject.key)
    events = Event.objects.filter(order__in=orders)
    return Held(
        id=subject.pk,
        key=subject.key,
        fields=tuple(sorted(people.fields_of(subject.key))),
        orders=_names(orders),
        open_orders=_open(subject.key),
        events=events.count(),
        with_bytes=events.filter(raw__isnull=False).count(),
        held_at=subject.held_at,
        held_reason=subject.held_reason,
        erased_at=subject.erased_at,
    )


@transaction.atomic
def hold(*, subject_id: int, reason: str, by: User, at: datetime) -> None:
    """Keep a person from being erased until the hold is lifted."""
    subject = _locked(subject_id, by)
    if subject.erased_at:
        raise CannotErase("They are erased already; there is nothing to hold.")
    if not reason.strip():
        raise CannotErase("Say why. The reason is shown to whoever tries to erase them.")
    _record("person.held", subject, by=by, at=at, reason=reason.strip())
    subject.held_at, subject.held_reason = at, reason.strip()
    subject.save(update_fields=["held_at", "held_reason"])


@transaction.atomic
def lift(*, subject_id: int, reason: str, by: User, at: datetime) -> None:
    """Lift a hold."""
    subject = _locked(subject_id, by)
    if not subject.held_at:
        raise CannotErase("There is no hold on them.")
    if not reason.strip():
        raise CannotErase("Say why. The reason stays on the trail.")
    _record("person.hold_lifted", subject, by=by, at=at, reason=reason.strip())
    subject.held_at, subject.held_reason = None, ""
    subject.save(update_fields=["held_at", "held_reason"])


@transaction.atomic
def erase(*, subject_id: int, typed: str, reason: str, by: User, at: datetime) -> None:
    """Erase a person for good. Raises NotAllowed, or CannotErase with what stands against it."""
    subject = _locked(subject_id, by)
    _check_can(subject, typed=typed, reason=reason)
    words = _words(people.fields_of(subject.key))
    orders = list(_orders(subject.key).values_list("pk", flat=True))
    events = _events(subject.key, orders)
    _record(
        "person.erased",
        subject,
        by=by,
        at=at,
        reason=reason.strip(),
        detail={"orders": len(orders), "events": len(events)},
    )
    _clean_events(events, words, subject.key)
    OrderDetail.objects.filter(customer_key=subject.key).update(customer_name="")
    _clean_rejections(words)
    _clean_unused(words)
    _clean_uploads(words, at=at)
    for path in settings.ALSO_ERASES:  # the apps above, which this one does not import
        import_string(path)(orders=orders, words=words, at=at)
    subject.wrapped_key, subject.ciphertext, subject.erased_at = None, b"", at
    subject.save(update_fields=["wrapped_key", "ciphertext", "erased_at"])


def _check(by: User, roles: Iterable[str], sentence: str) -> None:
    if not (by.is_superuser or by.groups.filter(name__in=list(roles)).exists()):
        raise NotAllowed(sentence)


def _locked(subject_id: int, by: User) -> SubjectData:
    _check(by, _MAY, refusal(by))
    Installation.objects.select_for_update().first()  # the trail's subject of such rows
    return SubjectData.objects.select_for_update().get(pk=subject_id)


def _check_can(subject: SubjectData, *, typed: str, reason: str) -> None:
    if subject.erased_at:
        raise CannotErase("They are erased already.")
    if subject.held_at:
        raise CannotErase(f"They are under a hold: {subject.held_reason} Lift it first.")
    if still_open := _open(subject.key):
        listed = ", ".join(still_open[:5])
        raise CannotErase(f"An order of theirs has an open exception: {listed}. Close it first.")
    if people.pseudonym(typed.strip()) != subject.key:
        raise CannotErase("The key you typed is another. Nothing was erased.")
    if not reason.strip():
        raise CannotErase("Say why. The reason stays on the trail.")


def _orders(key: str) -> Any:  # noqa: ANN401 - a queryset of orders
    return Order.objects.filter(detail__customer_key=key).order_by("canonical_id")


def _names(orders: Any) -> tuple[str, ...]:  # noqa: ANN401 - a queryset of orders
    return tuple(orders.values_list("canonical_id", flat=True))


def _open(key: str) -> tuple[str, ...]:
    broken = Discrepancy.objects.filter(cleared_at__isnull=True, order__detail__customer_key=key)
    return tuple(sorted(set(broken.values_list("order__canonical_id", flat=True))))


def _words(fields: dict[str, Any]) -> list[str]:
    """List the values that must be found nowhere when they are gone."""
    texts = (str(value) for field in fields.values() for value in _texts(field))
    return list(dict.fromkeys(text for text in texts if len(text) >= _SHORTEST))


def _texts(value: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """List what a field says; of one in parts, as an address, what names nobody else's town."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        yield from (text for part in parts for text in _texts(part) if _TELLING.search(str(text)))
    elif value is not None:
        yield value


def _events(key: str, orders: list[int]) -> list[int]:
    """List the events of a person: those of their orders, and those not applied that name them."""
    with connection.cursor() as cursor:
        cursor.execute(load("events_of_person"), {"order_ids": orders, "unapplied": list(_OPEN)})
        rows: list[tuple[int, str | None]] = cursor.fetchall()
    return [pk for pk, said in rows if said is None or people.pseudonym(said) == key]


_OPEN = (Event.Status.RECEIVED, Event.Status.PARKED, Event.Status.QUARANTINED)


def _clean_events(ids: list[int], words: list[str], key: str) -> None:
    found = Event.objects.filter(pk__in=ids)
    EventConflict.objects.filter(event__in=ids).update(raw=b"")
    for event in found.select_for_update(no_key=True).order_by("pk").iterator():
        event.raw = None
        event.data = _without(event.data, words)
        event.reasons = _without(event.reasons, words)
        customer = event.data.get("customer")
        if isinstance(customer, dict) and people.pseudonym(str(customer.get("key"))) == key:
            event.data["customer"] = {"key": key}
        event.save(update_fields=["raw", "data", "reasons"])
    for told in Discrepancy.objects.filter(event__in=ids):
        told.details = _without(told.details, words)
        told.save(update_fields=["details"])


def _without(value: Any, words: list[str]) -> Any:  # noqa: ANN401 - JSON
    """Give JSON whose texts hold none of these words any more."""
    if isinstance(value, dict):
        return {name: _without(each, words) for name, each in value.items()}
    if isinstance(value, list):
        return [_without(each, words) for each in value]
    if isinstance(value, str):
        for word in words:
            value = value.replace(word, _ERASED)
    return value


def _clean_rejections(words: list[str]) -> None:
    """Drop the bytes and reasons of messages that name them, written plainly or escaped."""
    for row in RejectedEvent.objects.exclude(raw=b"", errors=[]).iterator():
        raw, errors = bytes(row.raw), json.dumps(row.errors)
        if any(_is_in(word, raw) or json.dumps(word)[1:-1] in errors for word in words):
            row.raw, row.errors = b"", _without(row.errors, words)
            row.save(update_fields=["raw", "errors"])


def _clean_unused(words: list[str]) -> None:
    """Drop the bytes of messages that state no fact we use, and name them."""
    for row in UnusedMessage.objects.filter(raw__isnull=False).iterator():
        if row.raw is not None and any(_is_in(word, bytes(row.raw)) for word in words):
            row.raw = None
            row.save(update_fields=["raw"])


def _is_in(word: str, raw: bytes) -> bool:
    return word.encode() in raw or json.dumps(word)[1:-1].encode() in raw


def _clean_uploads(words: list[str], *, at: datetime) -> None:
    """Drop the rows that name them, and the bytes of the files that these stood in."""
    for word in words:
        rows = UploadRow.objects.filter(cells__icontains=word)
        files = list(rows.values_list("upload__file", flat=True).distinct())
        ImportFilePart.objects.filter(file__in=files).delete()
        ImportFile.objects.filter(pk__in=files).update(forgotten_at=at)
        rows.update(cells=[_ERASED])
        for item in UploadItem.objects.filter(problems__icontains=word):
            item.problems = _without(item.problems, [word])
            item.save(update_fields=["problems"])


def _record(
    action: str,
    subject: SubjectData,
    *,
    by: User,
    at: datetime,
    reason: str,
    detail: dict[str, Any] | None = None,
) -> None:
    record(
        stream="system",
        subject_id=1,
        action=action,
        actor=by.get_username(),
        at=at,
        reason=reason,
        detail={"what": subject.key, **(detail or {})},
    )

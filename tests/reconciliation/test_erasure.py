"""A person is erased by key: their fields are found nowhere, and proof and replay still hold."""

import json
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from django.contrib.auth.models import User
from django.db import connection

from audit.models import AuditEvent
from reconciliation import erasure, people, replay, retention
from reconciliation.models import (
    Discrepancy,
    Event,
    EventConflict,
    Order,
    RejectedEvent,
    SubjectData,
    UnusedMessage,
)
from reconciliation.parting import partings
from tests.reconciliation.test_replay import deliver, owner
from tests.reconciliation.worlds import rules
from tests.world import NOON, later, place, say, source

pytestmark = pytest.mark.django_db
EMAIL, NAME = "ada.byron@example.com", "Ada Byron-Lovelace"
ADA = {"key": "c-17", "name": NAME, "email": EMAIL, "company": "Ada Byron-Lovelace Ltd"}
LATE = NOON + timedelta(days=91)


@pytest.fixture(autouse=True)
def _rules(db: None) -> None:
    rules()


def order_of(customer: dict[str, str], name: str = "O-1") -> Event:
    """Let someone order, with the bytes as they came, and have it applied."""
    event = place(name, customer=customer)
    event.raw = json.dumps({"data": event.data}).encode()
    event.save()
    say("card-payments", "payment.captured", name, NOON, payment=f"P-{name}", amount_minor=1000,
        currency="EUR")  # fmt: skip
    deliver()
    return event


def subject(key: str = "c-17") -> SubjectData:
    return SubjectData.objects.get(key=key)


def erase(
    key: str = "c-17", *, by: User | None = None, typed: str = "", reason: str = "asked"
) -> None:
    Discrepancy.objects.update(cleared_at=NOON)
    erasure.erase(
        subject_id=subject(key).pk, typed=typed or key, reason=reason, by=by or owner(), at=NOON
    )


def found_anywhere(text: str) -> list[str]:
    """Name every table and column of the database that holds this text, plainly or in bytes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type IN"
            " ('text', 'character varying', 'jsonb', 'json', 'bytea')"
        )
        columns = cursor.fetchall()
        places = []
        for table, column, kind in columns:
            held = (
                f'position(%s::bytea in "{column}") > 0'
                if kind == "bytea"
                else (f'position(%s in "{column}"::text) > 0')
            )
            given = text.encode() if kind == "bytea" else text
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE {held}', [given])
            if cursor.fetchone()[0]:
                places.append(f"{table}.{column}")
    return places


def test_what_a_person_is_called_is_found_nowhere_once_they_are_erased() -> None:
    event = order_of(ADA)
    EventConflict.objects.create(event=event, raw=EMAIL.encode(), sha256=b"2", received_at=NOON)
    RejectedEvent.objects.create(
        source=source("shop"), raw=json.dumps({"mail": EMAIL}).encode(), sha256=b"1",
        errors=[{"pointer": "/mail", "detail": f"{EMAIL} is no name"}], received_at=NOON,
    )  # fmt: skip
    UnusedMessage.objects.create(
        source=source("shop"), raw=EMAIL.encode(), sha256=b"3", kind="ping", received_at=NOON
    )
    place("PART-1", parent="NOT-YET", customer=ADA)
    deliver()
    assert set(found_anywhere(EMAIL)) == {
        "reconciliation_event.raw", "reconciliation_event.data", "reconciliation_rejectedevent.raw",
        "reconciliation_rejectedevent.errors", "reconciliation_eventconflict.raw",
        "reconciliation_unusedmessage.raw",
    }  # fmt: skip

    erase()

    assert (found_anywhere(EMAIL), found_anywhere(NAME)) == ([], [])
    assert people.fields_of("c-17") == {}
    assert (subject().wrapped_key, bytes(subject().ciphertext)) == (None, b"")
    assert AuditEvent.objects.get(action="person.erased").reason == "asked"


def test_a_replay_still_comes_to_the_same() -> None:
    order_of(ADA)
    before = Order.objects.values().get()

    erase()

    assert partings(replay.rebuild(order_ids=[Order.objects.get().pk], at=NOON)) == []
    assert Order.objects.values().get() == before
    assert Order.objects.get().detail.customer_key == "c-17"


def test_another_person_keeps_theirs() -> None:
    order_of(ADA)
    order_of({**ADA, "key": "c-18", "email": "bo@example.com", "name": "Bo Diddley"}, "O-2")

    erase()

    assert people.fields_of("c-18")["email"] == "bo@example.com"
    assert Event.objects.filter(raw__isnull=False).count() == 1
    assert Order.objects.get(canonical_id="O-2").detail.customer_name


def test_someone_known_by_an_address_is_found_by_it() -> None:
    order_of({**ADA, "key": EMAIL})
    key = people.pseudonym(EMAIL)

    assert erasure.find(text=EMAIL, by=owner("Auditor")) == subject(key).pk
    erase(key, typed=EMAIL)

    assert found_anywhere(EMAIL) == []


def test_what_is_sent_again_does_not_bring_them_back() -> None:
    order_of(ADA)
    erase()

    order_of(ADA, "O-2")

    assert found_anywhere(EMAIL) == []
    assert Order.objects.get(canonical_id="O-2").detail.customer_name == ""


def test_another_body_of_an_erased_person_is_dropped_by_the_next_sweep() -> None:
    event = order_of(ADA)
    erase()
    EventConflict.objects.create(event=event, raw=EMAIL.encode(), sha256=b"2", received_at=NOON)

    retention.take(limit=100, at=later(minutes=1))

    assert found_anywhere(EMAIL) == []


def refused(message: str, **given: object) -> None:
    with pytest.raises(erasure.CannotErase, match=message):
        erase(**given)  # type: ignore[arg-type]
    assert people.fields_of("c-17")["email"] == EMAIL


def test_a_hold_an_open_exception_a_slip_or_no_reason_stands_against_it() -> None:
    order_of(ADA)
    erasure.hold(subject_id=subject().pk, reason="Case 12/2026", by=owner(), at=NOON)
    refused("Case 12/2026")
    erasure.lift(subject_id=subject().pk, reason="closed", by=owner(), at=NOON)
    refused("another", typed="c-18")
    refused("Say why", reason=" ")
    Discrepancy.objects.create(
        check_name="x", rulebook_version=1, order=Order.objects.get(), opened_at=NOON,
        last_seen_at=NOON, team=source("shop").owner_team,
    )  # fmt: skip
    with pytest.raises(erasure.CannotErase, match="open exception: O-1"):
        erasure.erase(subject_id=subject().pk, typed="c-17", reason="asked", by=owner(), at=NOON)
    actions = AuditEvent.objects.filter(action__startswith="person.").order_by("id")
    assert [row.action for row in actions] == ["person.held", "person.hold_lifted"]


@pytest.mark.parametrize("role", ["Operator", "Team lead", "Auditor", "Executive"])
def test_only_the_platforms_owner_erases(role: str) -> None:
    order_of(ADA)

    with pytest.raises(erasure.NotAllowed):
        erase(by=owner(role))

    assert people.fields_of("c-17")["email"] == EMAIL


def swept(at: datetime = LATE) -> int:
    return retention.take(limit=100, at=at)


def test_bytes_are_dropped_after_their_time_and_digests_stay() -> None:
    event = order_of(ADA)
    digest = sha256(b"x").digest()
    EventConflict.objects.create(event=event, raw=b"x", sha256=digest, received_at=NOON)
    RejectedEvent.objects.create(
        source=source("shop"), raw=b"x", sha256=digest, errors=[], received_at=NOON
    )
    UnusedMessage.objects.create(
        source=source("shop"), raw=b"x", sha256=digest, kind="ping", received_at=NOON
    )
    assert swept(NOON + timedelta(days=89)) == 0

    assert swept() == 4

    assert Event.objects.filter(raw__isnull=False).count() == 0
    assert bytes(EventConflict.objects.get().raw) == bytes(RejectedEvent.objects.get().raw) == b""
    assert bytes(RejectedEvent.objects.get().sha256) == digest
    assert UnusedMessage.objects.get().raw is None
    (row,) = AuditEvent.objects.filter(action="retention.swept")
    assert json.loads(bytes(row.body))["detail"]["events"] == 1
    assert swept() == 0
    assert AuditEvent.objects.filter(action="retention.swept").count() == 1


def test_a_sweep_takes_no_more_than_it_is_given() -> None:
    for number in range(3):
        order_of(ADA, f"O-{number}")

    assert retention.take(limit=2, at=LATE) == 2

    assert Event.objects.filter(raw__isnull=False).count() == 1


def test_what_waits_too_long_gives_up_its_personal_fields_too() -> None:
    place("PART-1", parent="NOT-YET", customer=ADA)
    deliver()
    assert Event.objects.get().status == "PARKED"

    swept()

    assert Event.objects.get().data["customer"] == {"key": "c-17", "company": ADA["company"]}
    assert people.fields_of("c-17")["email"] == EMAIL
    place("NOT-YET", customer={"key": "c-1", "name": "Bo"})
    deliver()
    assert Order.objects.get(canonical_id="PART-1").detail.customer_key == "c-17"

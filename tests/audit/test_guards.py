"""The trail only grows: whoever attacks it, and whatever fails beside it."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connections, transaction

from audit.models import AuditEvent
from audit.record import record
from reconciliation.models import Heartbeat

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
TABLES = ("audit_auditevent", "audit_sealleaf", "audit_checkpoint", "audit_anchor")
_COLUMNS = "stream, subject_id, sequence, action, actor, at, from_state, to_state, reason, body"
_VALUES = "'order', 7, 2, 'order.moved', 'mallory', now(), '', '', '', 'x'"

CHANGES = [
    *(f"UPDATE {table} SET {column} = {column}" for table, column in zip(
        TABLES, ("actor", "leaf_hash", "note", "location"), strict=True
    )),
    *(f"DELETE FROM {table}" for table in TABLES),
    *(f"TRUNCATE {table} CASCADE" for table in TABLES),
]  # fmt: skip
INSERTS = [
    f"INSERT INTO audit_auditevent (id, {_COLUMNS}) VALUES (99, {_VALUES})",
    f"INSERT INTO audit_auditevent (id, {_COLUMNS}) OVERRIDING SYSTEM VALUE VALUES (99, {_VALUES})",
    f"INSERT INTO audit_auditevent ({_COLUMNS}, transaction_id) VALUES ({_VALUES}, '3')",
    f"INSERT INTO audit_auditevent ({_COLUMNS}) VALUES ({_VALUES.replace('7, 2', '7, 3')})",
    f"INSERT INTO audit_auditevent ({_COLUMNS}) VALUES ({_VALUES.replace('7, 2', '7, 1')})",
    f"INSERT INTO audit_auditevent ({_COLUMNS}) VALUES ({_VALUES.replace('7, 2', '8, 0')})",
    f"INSERT INTO audit_auditevent ({_COLUMNS}) VALUES ({_VALUES.replace('7, 2', '8, 2')})",
]
# A number that the sequence has passed, and no row has: left by a transaction that failed.
PASSED = (
    "DO $$ BEGIN PERFORM setval('audit_auditevent_id_seq', 120); END $$;"
    f" INSERT INTO audit_auditevent (id, {_COLUMNS}) OVERRIDING SYSTEM VALUE VALUES (99, {_VALUES})"
)
BY_THE_APPLICATION = [
    "ALTER TABLE audit_auditevent DISABLE TRIGGER ALL",
    "DROP TABLE audit_auditevent CASCADE",
    "DROP TRIGGER audit_auditevent_no_change ON audit_auditevent",
    f"INSERT INTO audit_auditevent ({_COLUMNS}, recorded_at) VALUES ({_VALUES}, '2020-01-01')",
    "SET ROLE recon_owner",
]

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def _attack(statement: str, *, alias: str) -> None:
    """Run `statement` as one role, with the guards as they stand in production."""
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        if alias == "owner":
            for table in TABLES:  # the test database does without these, to be emptied
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_no_truncate")
        cursor.execute(statement)


@pytest.mark.parametrize("alias", ["default", "owner"])
@pytest.mark.parametrize(
    "statement", [*CHANGES, *INSERTS, PASSED, "SET session_replication_role = replica"]
)
def test_no_role_changes_the_trail_or_chooses_its_numbers(statement: str, alias: str) -> None:
    record(stream="order", subject_id=7, action="order.opened", actor="alice", at=NOON)

    with pytest.raises(DatabaseError):
        _attack(statement, alias=alias)

    assert AuditEvent.objects.get().actor == "alice"


@pytest.mark.parametrize("statement", BY_THE_APPLICATION)
def test_the_application_cannot_lift_the_guards(statement: str) -> None:
    record(stream="order", subject_id=7, action="order.opened", actor="alice", at=NOON)

    with pytest.raises(DatabaseError):
        _attack(statement, alias="default")


def test_the_row_that_is_next_is_taken() -> None:
    record(stream="order", subject_id=7, action="order.opened", actor="alice", at=NOON)

    _attack(f"INSERT INTO audit_auditevent ({_COLUMNS}) VALUES ({_VALUES})", alias="default")

    assert AuditEvent.objects.count() == 2


def test_no_foreign_key_can_cascade_into_the_trail() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, confdeltype FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid::regclass::text LIKE 'audit_%'"
        )
        found = cursor.fetchall()

    assert found == [("audit_anchor", "a")]


def test_an_audit_row_that_cannot_be_written_takes_the_change_with_it() -> None:
    def _verb() -> None:
        with transaction.atomic():
            Heartbeat.objects.create(component="changed", at=NOON)
            record(
                stream="a stream with too long a name",
                subject_id=7,
                action="order.moved",
                actor="alice",
                at=NOON,
            )

    with pytest.raises(DatabaseError):
        _verb()

    assert not Heartbeat.objects.exists()
